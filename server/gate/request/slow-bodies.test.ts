import http from 'node:http';
import { parseUsername, type Username } from '../../../couchdb-design/user-document/user-document.ts';
import { startTestGate, type TestGate } from '../../testing/test-gate.ts';
import { eventually } from '../../testing/fake-couchdb.ts';

/** Access is checked before a body's first byte, and again before a request to the database is sent. */

let gate: TestGate;
beforeAll(async () => {
  gate = await startTestGate();
});
afterAll(() => gate.close());

let users = 0;
const newUser = (): Username => parseUsername(gate.upstream.accountName(`slow${(users += 1)}`)) as Username;

interface HalfRequest {
  readonly method: string;
  readonly path: string;
  readonly type: string;
  readonly body: string;
}

/** Sends half of a body. Resolves with a function that sends the rest and resolves with the response's status. */
async function sendHalf(user: string, { method, path, type, body }: HalfRequest): Promise<() => Promise<number>> {
  const { hostname, port } = new URL(gate.url);
  const headers = {
    authorization: `Bearer ${gate.token(user)}`,
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    expect: '100-continue',
  };
  const request = http.request({ hostname, port, method, path, headers, agent: false });
  const status = new Promise<number>((resolve, reject) => {
    request.on('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.on('error', reject);
  });
  const middle = Math.floor(body.length / 2);
  await new Promise<void>((resolve) => {
    request.flushHeaders();
    request.on('continue', () => request.write(body.slice(0, middle), () => resolve()));
  });
  return () => {
    request.end(body.slice(middle));
    return status;
  };
}

const edited = (user: Username, document: object): string =>
  JSON.stringify({ ...document, _id: `user_${user}`, preferences: { theme: 'dark' } });

test.each([
  [
    'PUT of the document',
    (user: Username, document: object): HalfRequest => ({
      method: 'PUT',
      path: `${new URL(gate.database).pathname}/user_${user}`,
      type: 'application/json',
      body: edited(user, document),
    }),
  ],
  [
    '_bulk_docs',
    (user: Username, document: object): HalfRequest => ({
      method: 'POST',
      path: `${new URL(gate.database).pathname}/_bulk_docs`,
      type: 'application/json',
      body: `{"docs":[${edited(user, document)}]}`,
    }),
  ],
  [
    'PATCH of the preferences',
    (): HalfRequest => ({
      method: 'PATCH',
      path: '/api/users/preferences',
      type: 'application/merge-patch+json',
      body: '{"theme":"dark"}',
    }),
  ],
])('%s is not stored when its second half arrives after the account is suspended', async (_name, createRequest) => {
  const user = newUser();
  const document = (await (await gate.request(user, `/user_${user}`)).json()) as object;
  const sendRest = await sendHalf(user, createRequest(user, document));
  // The first half has arrived while access was valid: another request of the same user succeeds.
  expect((await gate.request(user, '/')).status).toBe(200);
  await gate.pouchgate.identity.accounts.suspend(user);
  await eventually(async () => (await gate.request(user, '/')).status === 401);
  expect(await sendRest()).toBe(401);
  expect(await gate.registry().get(`user_${user}`)).toMatchObject({ preferences: {} });
});

test.each([
  ['PUT', '/_local/after-suspension', '{"last_seq":"1-a"}'],
  ['POST', '/_bulk_get', '{"docs":[{"id":"OWN"}]}'],
  ['POST', '/_revs_diff', '{"OWN":["9-0123456789abcdef0123456789abcdef"]}'],
])('%s %s is 401 when its second half arrives after the account is suspended', async (method, path, body) => {
  const user = newUser();
  expect((await gate.request(user, `/user_${user}`)).status).toBe(200);
  const sendRest = await sendHalf(user, {
    method,
    path: new URL(gate.database).pathname + path,
    type: 'application/json',
    body: body.replace('OWN', `user_${user}`),
  });
  await gate.pouchgate.identity.accounts.suspend(user);
  await eventually(async () => (await gate.request(user, '/')).status === 401);
  expect(await sendRest()).toBe(401);
  await expect(gate.registry().get(`_local/checkpoints:${user}`)).rejects.toMatchObject({ statusCode: 404 });
});
