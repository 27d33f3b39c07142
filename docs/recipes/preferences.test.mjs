// Your Jest tests, on a whole Pouchgate in memory: NODE_OPTIONS=--experimental-vm-modules npx jest
import { startTestPouchgate } from 'pouchgate/testing';

let gate;
beforeAll(async () => {
  gate = await startTestPouchgate();
});
afterAll(() => gate.close());

const as = (username) => ({ authorization: `Bearer ${gate.token(username)}`, 'content-type': 'application/json' });

test('one user’s theme is nobody else’s', async () => {
  const preferences = `${gate.url}/api/users/preferences`;
  const set = await fetch(preferences, { method: 'PATCH', headers: as('alice'), body: '{"theme":"dark"}' });
  expect((await set.json()).preferences.theme).toBe('dark');
  const his = await (await fetch(preferences, { headers: as('bob') })).json();
  expect(his.preferences.theme).toBe('system');
});

test('what replicates is the own document', async () => {
  const changes = await (await fetch(`${gate.database}/_changes?include_docs=true`, { headers: as('alice') })).json();
  expect(changes.results.map(({ id }) => id)).toEqual(['user_alice']);
});
