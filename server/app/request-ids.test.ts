import { randomUUID } from 'node:crypto';
import { rawRequest, sendRaw, type RawResponse } from '../testing/raw-http.ts';
import { createRecordedLog } from '../testing/recorded-log.ts';
import { startTestGate, type TestGate } from '../testing/test-gate.ts';

/** The ids that connect a client's failure with the log: `X-Request-Id` and `traceparent`. */

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const TRACEPARENT = `00-${TRACE}-00f067aa0ba902b7-01`;
const APP = 'https://app.example.org';

const recorded = createRecordedLog();
let gate: TestGate;
let port: number;
beforeAll(async () => {
  gate = await startTestGate({ CORS_ORIGINS: APP, REGISTRATION: 'open' }, { log: recorded.log });
  port = Number(new URL(gate.url).port);
});
afterAll(() => gate.close());

const headerOf = ({ head }: RawResponse, name: string): string | undefined =>
  new RegExp(`^${name}: (.*)$`, 'im').exec(head)?.[1]?.trim();
const idOf = (response: RawResponse): string | undefined => headerOf(response, 'x-request-id');

interface RawOptions {
  readonly method?: string;
  readonly headers?: readonly string[];
}
const get = async (path: string, { method = 'GET', headers = [] }: RawOptions = {}): Promise<RawResponse> => {
  const request = rawRequest([`${method} ${path} HTTP/1.1`, 'Host: x', 'Connection: close', ...headers]);
  const [response] = await sendRaw(port, request);
  if (response === undefined) throw new Error(`${method} ${path} has no response.`);
  return response;
};
const authorized = (username: string): string => `Authorization: Bearer ${gate.token(username)}`;
const database = (): string => new URL(gate.database).pathname;

test.each([
  ['a response of the gate', () => get(database(), { headers: [authorized('ida')] }), 200],
  ['an unauthenticated request', () => get(`${database()}/_changes`), 401],
  ['another document', () => get(`${database()}/user_bob`, { headers: [authorized('ida')] }), 404],
  ['an unknown method', () => get(database(), { method: 'PROPFIND', headers: [authorized('ida')] }), 405],
  ['OPTIONS', () => get(database(), { method: 'OPTIONS' }), 204],
  [
    'a preflight request',
    () => get(database(), { method: 'OPTIONS', headers: [`Origin: ${APP}`, 'Access-Control-Request-Method: GET'] }),
    204,
  ],
  ['a health check', () => get('/healthz'), 200],
  ['an unknown page', () => get('/nothing'), 404],
  ['REST', () => get('/api/users/profile', { headers: [authorized('ida')] }), 200],
  ['an error of REST', () => get('/api/users/profile'), 401],
  ['an error of sign-in', () => get('/api/auth/sign-in', { method: 'POST' }), 415],
  [
    'an ended longpoll',
    () => get(`${database()}/_changes?feed=longpoll&timeout=1`, { headers: [authorized('ida')] }),
    200,
  ],
] as const)('%s has an id, which the log names', async (_name, request, status) => {
  const response = await request();
  expect([response.status, idOf(response)]).toEqual([status, expect.stringMatching(UUID)]);
  expect(await recorded.waitForLine({ requestId: idOf(response) })).toMatchObject({ status });
});

test('a live response has an id in its head, and so has an event stream', async () => {
  const requestId = randomUUID();
  const headers = { authorization: `Bearer ${gate.token('ida')}`, 'x-request-id': requestId };
  for (const path of [
    `${gate.database}/_changes?feed=continuous&since=now`,
    `${gate.url}/api/users/preferences/stream`,
  ]) {
    const aborting = new AbortController();
    const live = await fetch(path, { headers, signal: aborting.signal });
    expect([live.status, live.headers.get('x-request-id')]).toEqual([200, requestId]);
    aborting.abort();
  }
});

test('the ids of the client are returned, logged, and sent to the database with requests on its behalf', async () => {
  const requestId = `client-${randomUUID()}`;
  await gate.request('ida', '');
  const before = gate.upstreamRequests.length;
  const response = await get(`${database()}/user_ida`, {
    headers: [authorized('ida'), `X-Request-Id: ${requestId}`, `traceparent: ${TRACEPARENT}`],
  });
  expect([response.status, idOf(response)]).toEqual([200, requestId]);
  const traceparent = headerOf(response, 'traceparent') ?? '';
  expect(traceparent).toMatch(new RegExp(`^00-${TRACE}-(?!00f067aa0ba902b7)[0-9a-f]{16}-01$`));
  expect(await recorded.waitForLine({ requestId })).toMatchObject({ traceId: TRACE, username: 'ida' });
  const [sent] = gate.upstreamRequests.slice(before).filter(({ url }) => url.includes('/user_ida'));
  expect(sent?.headers).toMatchObject({ 'x-request-id': requestId, traceparent });
});

test('without a valid traceparent none is returned or sent', async () => {
  const before = gate.upstreamRequests.length;
  const response = await get(`${database()}/user_ida`, {
    headers: [authorized('ida'), `traceparent: ${TRACEPARENT}-x`],
  });
  expect([response.status, headerOf(response, 'traceparent')]).toEqual([200, undefined]);
  for (const { headers } of gate.upstreamRequests.slice(before)) expect(headers).not.toHaveProperty('traceparent');
  expect(await recorded.waitForLine({ requestId: idOf(response) })).not.toHaveProperty('traceId');
});

test.each([
  ['a header in a header', 'evil\u2028Set-Cookie: evil=1'],
  ['a quotation', 'evil","level":60'],
  ['markup', '<evil>'],
  ['an escape sequence', 'evil\u001b[2J'],
  ['129 characters', `evil${'x'.repeat(125)}`],
  ['a list', 'evil, evil'],
  ['spaces', 'evil evil'],
])('an id that contains %s is neither returned nor logged nor sent', async (_name, id) => {
  const before = gate.upstreamRequests.length;
  const bytes = Buffer.from(id).toString('latin1');
  const response = await get(`${database()}/user_ida`, { headers: [authorized('ida'), `X-Request-Id: ${bytes}`] });
  // Node itself answers 400 to a control character.
  if (response.status !== 400) {
    expect(idOf(response)).toMatch(UUID);
    await recorded.waitForLine({ requestId: idOf(response) });
  }
  expect(response.head).not.toMatch(/evil/i);
  expect(recorded.text).not.toMatch(/evil/i);
  expect(JSON.stringify(gate.upstreamRequests.slice(before).map(({ headers }) => headers))).not.toMatch(/evil/i);
});

test('the repeated id of another user gives nothing of that user’s request', async () => {
  const requestId = randomUUID();
  const own = await get(`${database()}/user_ida`, { headers: [authorized('ida'), `X-Request-Id: ${requestId}`] });
  const other = await get(`${database()}/user_ida`, { headers: [authorized('eve'), `X-Request-Id: ${requestId}`] });
  expect([own.status, other.status, other.body]).toEqual([200, 404, '{"error":"not_found","reason":"missing"}\n']);
});

test('a page of an allowed origin may send the ids and read the response’s', async () => {
  const response = await gate.request('ida', '', { headers: { origin: APP } });
  expect(response.headers.get('access-control-expose-headers')).toBe('etag,retry-after,x-request-id,date');
});
