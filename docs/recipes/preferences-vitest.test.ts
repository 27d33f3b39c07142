// Your Vitest tests, on a complete Pouchgate in memory: npx vitest run. Vitest 4 runs on Node 20; Vitest 5 does not.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestPouchgate, type TestPouchgate } from 'pouchgate/testing';

let gate: TestPouchgate;
beforeAll(async () => {
  gate = await startTestPouchgate();
});
afterAll(() => gate.close());

const headersOf = (username: string): Record<string, string> => ({
  authorization: `Bearer ${gate.token(username)}`,
  'content-type': 'application/json',
});

test('a user’s theme does not affect other users', async () => {
  const url = `${gate.url}/api/users/preferences`;
  const response = await fetch(url, { method: 'PATCH', headers: headersOf('alice'), body: '{"theme":"dark"}' });
  expect(await response.json()).toMatchObject({ preferences: { theme: 'dark' } });
  expect(await (await fetch(url, { headers: headersOf('bob') })).json()).toMatchObject({
    preferences: { theme: 'system' },
  });
});
