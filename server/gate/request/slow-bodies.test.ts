import http from 'node:http';
import { parseUsername, type Username } from '../../../couchdb-design/user-document/user-document.ts';
import { startTestGate, type TestGate } from '../../testing/test-gate.ts';
import { eventually } from '../../testing/fake-couchdb.ts';

/** A right is looked at before a body's first byte, and once more before what it says is stored. */

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

/** Sends half of a body, and resolves with what sends the rest and gives the answer's status. */
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
    request.on('response', (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
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
])('%s whose second half comes when the account is suspended is not stored', async (_what, of) => {
  const user = newUser();
  const document = (await (await gate.request(user, `/user_${user}`)).json()) as object;
  const rest = await sendHalf(user, of(user, document));
  // The first half is there, and the right was good: another request of the same is answered.
  expect((await gate.request(user, '/')).status).toBe(200);
  await gate.pouchgate.identity.accounts.suspend(user);
  await eventually(async () => (await gate.request(user, '/')).status === 401);
  expect(await rest()).toBe(401);
  expect(await gate.registry().get(`user_${user}`)).toMatchObject({ preferences: {} });
});
