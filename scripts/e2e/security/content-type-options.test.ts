import { startTestGate, type TestGate } from '../../../server/testing/test-gate.ts';
import { rawRequest, sendRaw } from '../../../server/testing/raw-http.ts';

/** Browsers take no response of the gate for another media type than its own, whatever text of a user it contains. */

let gate: TestGate;
beforeAll(async () => {
  gate = await startTestGate();
  await gate.request('alice', '/user_alice');
});
afterAll(() => gate.close());

const json = { accept: 'application/json' };
const changes = (feed: string): string => `/_changes?feed=${feed}&since=0&limit=1&timeout=1000`;

test.each([
  ['GET', '/', 200, {}],
  ['GET', '/user_alice', 200, json],
  ['HEAD', '/user_alice', 200, {}],
  ['GET', '/user_alice?open_revs=all', 200, json],
  ['GET', '/user_alice?open_revs=all', 200, { accept: 'multipart/mixed' }],
  ['GET', '/user_bob', 404, {}],
  ['GET', changes('normal'), 200, {}],
  ['GET', changes('longpoll'), 200, {}],
  ['GET', changes('continuous'), 200, {}],
  ['GET', changes('eventsource'), 200, {}],
  ['GET', '/_local/checkpoint', 404, {}],
  ['OPTIONS', '/user_alice', 204, {}],
  ['DELETE', '/user_alice', 405, {}],
  ['PUT', '/', 412, {}],
  ['POST', '/_bulk_docs', 415, {}],
  ['GET', '/_all_docs', 404, {}],
])('%s %s: %i, with nosniff', async (method, path, status, headers) => {
  const response = await gate.request('alice', path, { method, headers });
  await response.text();
  expect([response.status, response.headers.get('x-content-type-options')]).toEqual([status, 'nosniff']);
});

test.each([
  '/sync',
  '/sync/',
  '/sync/other',
  '/sync/%',
  '/sync/user_registry/_changes',
  '/api/users/profile',
  '/readyz',
])('GET %s without a token, with nosniff', async (target) => {
  const port = Number(new URL(gate.url).port);
  const [response] = await sendRaw(port, rawRequest([`GET ${target} HTTP/1.1`, 'Host: x', 'Connection: close']));
  expect(response?.head).toMatch(/^x-content-type-options: nosniff$/im);
});
