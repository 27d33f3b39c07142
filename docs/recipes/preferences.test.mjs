// Your Jest tests, on a complete Pouchgate in memory: NODE_OPTIONS=--experimental-vm-modules npx jest
import { startTestPouchgate } from 'pouchgate/testing';

let gate;
beforeAll(async () => {
  gate = await startTestPouchgate();
});
afterAll(() => gate.close());

const headersOf = (username) => ({
  authorization: `Bearer ${gate.token(username)}`,
  'content-type': 'application/json',
});

test('a user’s theme does not affect other users', async () => {
  const url = `${gate.url}/api/users/preferences`;
  const response = await fetch(url, { method: 'PATCH', headers: headersOf('alice'), body: '{"theme":"dark"}' });
  expect((await response.json()).preferences.theme).toBe('dark');
  const bob = await (await fetch(url, { headers: headersOf('bob') })).json();
  expect(bob.preferences.theme).toBe('system');
});

test('only the user’s own document replicates', async () => {
  const changes = await (
    await fetch(`${gate.database}/_changes?include_docs=true`, { headers: headersOf('alice') })
  ).json();
  expect(changes.results.map(({ id }) => id)).toEqual(['user_alice']);
});
