import { openUpstream, type Upstream } from '../upstream/client.ts';
import { eventually, startFakeUpstream, collectGarbage } from '../testing/fake-couchdb.ts';
import { accountAuthorization, createProbeRequest, UpstreamProbe, type ProbeResult } from './upstream-probe.ts';

test('sends one request at a time and at most one per second for any number of callers', async () => {
  let [requests, time] = [0, 0];
  let respond: (result: ProbeResult) => void = () => undefined;
  const probe = new UpstreamProbe(
    () => {
      requests += 1;
      return new Promise((resolve) => (respond = resolve));
    },
    () => time,
  );
  const all = Promise.all(Array.from({ length: 100 }, () => probe.check()));
  expect(requests).toBe(1);
  respond({ ok: true, seq: 7 });
  expect(new Set(await all)).toEqual(new Set([{ ok: true, seq: 7 }]));
  time = 999;
  expect(await probe.check()).toEqual({ ok: true, seq: 7 });
  expect(requests).toBe(1);
  time = 1_000;
  const next = probe.check();
  const failure = { ok: false, responded: false, failure: { status: 503, reason: 'busy' } } as const;
  respond(failure);
  expect(await next).toEqual(failure);
  expect(probe.last).toEqual(failure);
  expect(requests).toBe(2);
});

const probeOnce = (pool: Upstream, registry: string): Promise<ProbeResult> =>
  new UpstreamProbe(createProbeRequest(pool, registry, accountAuthorization(pool))).check();

test("only a 200 with an update_seq counts as success; a failure has CouchDB's status and reason", async () => {
  let [status, body] = [200, '{"update_seq":"42-abc"}'];
  const upstream = await startFakeUpstream((_request, response) => response.writeHead(status).end(body));
  const pool = openUpstream(upstream.access);
  expect(await probeOnce(pool, 'a/b')).toEqual({ ok: true, seq: 42 });
  expect(upstream.requests).toEqual([{ method: 'GET', url: '/a%2Fb', body: '' }]);
  for (const [error, reason, code] of [
    ['unauthorized', 'Name or password is incorrect.', 401],
    ['bad_request', 'Unknown kid', 400],
    ['not_found', 'Database does not exist.', 404],
    ['badmatch', 'undefined', 500],
  ] as const) {
    [status, body] = [code, JSON.stringify({ error, reason })];
    const failure = { status, reason: `${error}: ${reason}` };
    expect(await probeOnce(pool, 'registry')).toEqual({ ok: false, responded: status < 500, failure });
  }
  for ([status, body] of [
    [500, '{"update_seq":1}'],
    [200, '<html></html>'],
    [200, '{}'],
    [200, 'null'],
    [302, '{"update_seq":1}'],
    [503, ''],
  ] as const) {
    expect(await probeOnce(pool, 'registry')).toMatchObject({ ok: false, responded: false, failure: { status } });
  }
  await upstream.close();
  const failure = { status: undefined, reason: expect.stringMatching(/^[A-Za-z_]+$/) as string };
  expect(await probeOnce(pool, 'registry')).toEqual({ ok: false, responded: false, failure });
  await pool.close();
});

test.each([
  ['sends nothing', ''],
  ['stops in the middle of the response', '{"update_'],
])('times out after two seconds if the database accepts the connection and %s', async (_case, bodyStart) => {
  const upstream = await startFakeUpstream((_request, response) => {
    if (bodyStart !== '') response.writeHead(200, { 'content-type': 'application/json' }).write(bodyStart);
  });
  const pool = openUpstream(upstream.access);
  const result = probeOnce(pool, 'registry');
  await eventually(() => upstream.requests.length === 1);
  await collectGarbage();
  const failure = { status: undefined, reason: 'TimeoutError' };
  expect(await result).toEqual({ ok: false, responded: false, failure });
  await pool.close();
  await upstream.close();
});
