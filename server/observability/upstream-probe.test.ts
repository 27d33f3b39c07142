import { openUpstream } from '../upstream/client.ts';
import { eventually, startFakeUpstream, collectGarbage } from '../testing/fake-couchdb.ts';
import { createProbeRequest, UpstreamProbe, type ProbeResult } from './upstream-probe.ts';

test('however many ask, the database is asked once at a time, and once a second', async () => {
  let [asked, time] = [0, 0];
  let answer: (probed: ProbeResult) => void = () => undefined;
  const probe = new UpstreamProbe(
    () => {
      asked += 1;
      return new Promise((resolve) => (answer = resolve));
    },
    () => time,
  );
  const all = Promise.all(Array.from({ length: 100 }, () => probe.check()));
  expect(asked).toBe(1);
  answer({ answered: true, seq: 7 });
  expect(new Set(await all)).toEqual(new Set([{ answered: true, seq: 7 }]));
  time = 999;
  expect(await probe.check()).toEqual({ answered: true, seq: 7 });
  expect(asked).toBe(1);
  time = 1_000;
  const next = probe.check();
  answer({ answered: false });
  expect(await next).toEqual({ answered: false });
  expect(probe.last).toEqual({ answered: false });
  expect(asked).toBe(2);
});

test('an answer is one only when it tells of the database', async () => {
  let [status, body] = [200, '{"update_seq":"42-abc"}'];
  const upstream = await startFakeUpstream((_request, response) => response.writeHead(status).end(body));
  const pool = openUpstream(upstream.access);
  const ask = (): Promise<ProbeResult> => new UpstreamProbe(createProbeRequest(pool, 'a/b')).check();
  expect(await ask()).toEqual({ answered: true, seq: 42 });
  expect(upstream.requests).toEqual([{ method: 'GET', url: '/a%2Fb', body: '' }]);
  for ([status, body] of [
    [500, '{"update_seq":1}'],
    [401, '{"error":"unauthorized"}'],
    [200, '<html></html>'],
    [200, '{}'],
    [200, 'null'],
    [302, '{"update_seq":1}'],
  ] as const) {
    expect(await ask()).toEqual({ answered: false });
  }
  await upstream.close();
  expect(await ask()).toEqual({ answered: false });
  await pool.close();
});

test.each([
  ['says nothing', ''],
  ['begins to answer and falls silent', '{"update_'],
])('a database that accepts and %s has not answered after two seconds', async (_what, beginning) => {
  const upstream = await startFakeUpstream((_request, response) => {
    if (beginning !== '') response.writeHead(200, { 'content-type': 'application/json' }).write(beginning);
  });
  const pool = openUpstream(upstream.access);
  const probed = new UpstreamProbe(createProbeRequest(pool, 'registry')).check();
  await eventually(() => upstream.requests.length === 1);
  await collectGarbage();
  expect(await probed).toEqual({ answered: false });
  await pool.close();
  await upstream.close();
});
