import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { closeAfterTests } from '../../couchdb-design/testing/open-resources.ts';
import { sendRaw, type RawResponse } from '../testing/raw-http.ts';
import { PreparedRefusals } from './prepared-refusal.ts';

const ORIGIN = 'https://app.example';
let random = 0;
const reported: string[] = [];
const refusals = new PreparedRefusals({
  corsOrigins: [ORIGIN, 'https://other.example'],
  random: () => random,
  onRefusal: (reason) => void reported.push(reason),
});
let server: Server;
beforeAll(async () => {
  server = closeAfterTests(createServer((req, res) => refusals.send(req, res, 'admission_queue')));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => server.close());

async function send(...lines: string[]): Promise<RawResponse> {
  const bytes = `${lines.join('\r\n')}\r\nHost: x\r\n\r\n`;
  const isHead = lines[0]?.startsWith('HEAD ') ?? false;
  const [response] = await sendRaw((server.address() as AddressInfo).port, bytes, { isHead });
  if (response === undefined) throw new Error('There was no response.');
  return response;
}

const headerOf = ({ head }: RawResponse, name: string): string | undefined =>
  new RegExp(`^${name}: (.*)$`, 'im').exec(head)?.[1];

it("responds with 503, CouchDB's error shape and Retry-After, and keeps the connection", async () => {
  const response = await send('GET / HTTP/1.1');
  expect(response.status).toBe(503);
  expect(response.body).toBe('{"error":"service_unavailable","reason":"The server is busy."}\n');
  expect(headerOf(response, 'content-type')).toBe('application/json');
  expect(headerOf(response, 'cache-control')).toBe('no-store');
  expect(headerOf(response, 'x-content-type-options')).toBe('nosniff');
  expect(headerOf(response, 'connection')).toBe('keep-alive');
  // Clients correct their clocks by it, and the machine's own may be wrong.
  expect(headerOf(response, 'date')).toBeUndefined();
});

it('spreads Retry-After over two to eight seconds', async () => {
  const seconds: (string | undefined)[] = [];
  for (random of [0, 0.5, 0.999]) seconds.push(headerOf(await send('GET / HTTP/1.1'), 'retry-after'));
  expect(seconds).toEqual(['2', '5', '8']);
});

it('a HEAD request gets no body', async () => {
  const bytes = 'HEAD / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n';
  const responses = await sendRaw((server.address() as AddressInfo).port, bytes, { isHead: true, responseCount: 2 });
  expect(responses.map(({ status }) => status)).toEqual([503, 503]);
});

it('pages of the allowed origins can read the refusal and Retry-After, other pages cannot', async () => {
  const allowed = await send('GET / HTTP/1.1', `Origin: ${ORIGIN}`);
  expect(headerOf(allowed, 'access-control-allow-origin')).toBe(ORIGIN);
  expect(headerOf(allowed, 'access-control-allow-credentials')).toBe('true');
  expect(headerOf(allowed, 'access-control-expose-headers')).toMatch(/\bretry-after\b/);
  for (const response of [await send('GET / HTTP/1.1', 'Origin: https://evil.example'), await send('GET / HTTP/1.1')])
    expect(response.head).not.toMatch(/^access-control/im);
  // A cache must not send one page's response to another.
  for (const response of [allowed, await send('GET / HTTP/1.1')]) expect(headerOf(response, 'vary')).toBe('Origin');
});

it("answers an allowed origin's preflight request, so that the page can read the refusal that follows", async () => {
  const lines = ['Access-Control-Request-Method: PUT', 'Access-Control-Request-Headers: authorization,content-type'];
  const response = await send('OPTIONS / HTTP/1.1', `Origin: ${ORIGIN}`, ...lines);
  expect([response.status, response.body]).toEqual([204, '']);
  expect(headerOf(response, 'access-control-allow-origin')).toBe(ORIGIN);
  expect(headerOf(response, 'access-control-allow-methods')).toMatch(/\bPUT\b/);
  expect(headerOf(response, 'access-control-allow-headers')).toBe('authorization,content-type');
  expect((await send('OPTIONS / HTTP/1.1', 'Origin: https://evil.example', ...lines)).status).toBe(503);
});

it('counts and reports each refusal', async () => {
  const before = refusals.sent;
  reported.length = 0;
  await send('GET / HTTP/1.1');
  expect([refusals.sent - before, reported]).toEqual([1, ['admission_queue']]);
});
