import { openUpstream } from '../upstream/client.ts';
import { eventually, startFakeUpstream, collectGarbage } from '../testing/fake-couchdb.ts';
import { createProbeRequest, UpstreamProbe, type ProbeResult } from './upstream-probe.ts';

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
  respond({ responded: true, seq: 7 });
  expect(new Set(await all)).toEqual(new Set([{ responded: true, seq: 7 }]));
  time = 999;
  expect(await probe.check()).toEqual({ responded: true, seq: 7 });
  expect(requests).toBe(1);
  time = 1_000;
  const next = probe.check();
  respond({ responded: false });
  expect(await next).toEqual({ responded: false });
  expect(probe.last).toEqual({ responded: false });
  expect(requests).toBe(2);
});

test('only a 200 with an update_seq counts as success', async () => {
  let [status, body] = [200, '{"update_seq":"42-abc"}'];
  const upstream = await startFakeUpstream((_request, response) => response.writeHead(status).end(body));
  const pool = openUpstream(upstream.access);
  const check = (): Promise<ProbeResult> => new UpstreamProbe(createProbeRequest(pool, 'a/b')).check();
  expect(await check()).toEqual({ responded: true, seq: 42 });
  expect(upstream.requests).toEqual([{ method: 'GET', url: '/a%2Fb', body: '' }]);
  for ([status, body] of [
    [500, '{"update_seq":1}'],
    [401, '{"error":"unauthorized"}'],
    [200, '<html></html>'],
    [200, '{}'],
    [200, 'null'],
    [302, '{"update_seq":1}'],
  ] as const) {
    expect(await check()).toEqual({ responded: false });
  }
  await upstream.close();
  expect(await check()).toEqual({ responded: false });
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
  const result = new UpstreamProbe(createProbeRequest(pool, 'registry')).check();
  await eventually(() => upstream.requests.length === 1);
  await collectGarbage();
  expect(await result).toEqual({ responded: false });
  await pool.close();
  await upstream.close();
});
