import { once } from 'node:events';
import net from 'node:net';
import { startTcpProxy, type TcpProxy } from '../testing/test-identity.ts';
import { startTestGate, type TestGate } from '../testing/test-gate.ts';
import { startRecorder, type Recorder } from '../testing/request-recorder.ts';
import { startTestUpstream, type TestUpstream } from '../testing/test-database.ts';
import { eventually } from '../testing/fake-couchdb.ts';
import { createRecordedLog } from '../testing/recorded-log.ts';

let upstream: TestUpstream;
let recorder: Recorder;
let proxy: TcpProxy;
let gate: TestGate;

beforeEach(async () => {
  upstream = await startTestUpstream();
  recorder = await startRecorder(upstream.nextAccess().url);
  proxy = await startTcpProxy({ ...upstream.access, url: recorder.url });
  gate = await startTestGate({}, { upstream, access: proxy.access });
});
afterEach(async () => {
  await gate.close();
  await proxy.close();
  await recorder.close();
  await upstream.close();
});

const infoRequests = (): number =>
  recorder.requests.filter(({ method, url }) => method === 'GET' && url === `/${upstream.names.registry}`).length;

const fetchReadiness = async (): Promise<{ status: number; body: unknown }> => {
  const response = await fetch(`${gate.url}/readyz`);
  return { status: response.status, body: await response.json() };
};
const isReady = async (): Promise<boolean> => (await fetchReadiness()).status === 200;

it('/readyz follows the database and both feeds, while /healthz stays 200', async () => {
  await eventually(isReady);
  expect(await fetchReadiness()).toEqual({
    status: 200,
    body: {
      status: 'ready',
      checks: {
        not_draining: true,
        registry_feed: true,
        sessions_feed: true,
        upstream: true,
        gate_access: true,
        user_access: true,
      },
    },
  });
  proxy.disconnect();
  await eventually(async () => !(await isReady()));
  await eventually(async () => {
    const { checks } = (await fetchReadiness()).body as { checks: Record<string, boolean> };
    return checks['upstream'] === false && checks['registry_feed'] === false && checks['sessions_feed'] === false;
  });
  const response = await fetchReadiness();
  expect(response).toMatchObject({
    status: 503,
    body: { error: 'not_ready', reason: 'The database does not answer.' },
  });
  // The response contains neither the database's address nor the error.
  expect(JSON.stringify(response.body)).not.toMatch(/127\.0\.0\.1|registry"|ECONN|Engine/);
  expect((await fetch(`${gate.url}/healthz`)).status).toBe(200);
  proxy.restore();
  await eventually(isReady);
});

it('any number of requests to /readyz cause at most one upstream request per second', async () => {
  await eventually(isReady);
  const before = infoRequests();
  const startedAt = performance.now();
  for (let round = 0; round < 20; round += 1) await Promise.all(Array.from({ length: 20 }, fetchReadiness));
  const seconds = (performance.now() - startedAt) / 1000;
  expect(infoRequests() - before).toBeLessThanOrEqual(1 + seconds);
});

it('answers 503 on an open connection while stopping, as the last response on it', async () => {
  await eventually(isReady);
  const socket = net.connect(Number(new URL(gate.url).port), '127.0.0.1');
  let text = '';
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => (text += chunk));
  const token = gate.token('alice');
  socket.write(
    `GET /sync/${upstream.names.registry}/_changes?feed=longpoll&since=now&heartbeat=1000 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`,
  );
  await eventually(() => gate.pouchgate.hub.size === 1 && text.includes('200 OK'));
  const closed = gate.pouchgate.close();
  socket.write('GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n');
  await once(socket, 'end');
  await closed;
  const [, live = '', ready = ''] = text.split('HTTP/1.1 ');
  expect(live).toMatch(/^200 /);
  expect(live).toContain('"last_seq"');
  expect(ready).toMatch(/^503 /);
  expect(ready).toMatch(/connection: close/i);
  expect(ready).toContain('"reason":"The server is stopping."');
});

it('names the limits in action, which the log and the metrics count', async () => {
  const recorded = createRecordedLog();
  const limited = await startTestGate(
    { METRICS_PORT: '0' },
    { log: recorded.log, rateLimits: { preferencesByName: { windowMs: 60_000, limit: 2 } } },
  );
  const headers = { authorization: `Bearer ${limited.token('alice')}` };
  const statuses: number[] = [];
  for (let n = 0; n < 5; n += 1) statuses.push((await fetch(`${limited.url}/api/users/profile`, { headers })).status);
  expect(statuses).toEqual([200, 200, 429, 429, 429]);
  const readiness = (await (await fetch(`${limited.url}/readyz`)).json()) as { limits?: unknown };
  expect(readiness.limits).toEqual(['rate_limit']);
  expect(await (await fetch(limited.pouchgate.metricsUrl ?? '')).text()).toMatch(
    /^pouchgate_limited_requests_total\{limit="rate_limit"\} 3$/m,
  );
  const line = await recorded.waitForLine({ msg: 'Limits have rejected or delayed requests.' });
  expect(line).toMatchObject({ level: 40, limits: { rate_limit: 3 } });
  await limited.close();
});
