import { startTestGate, type TestGate } from '../../testing/test-gate.ts';
import { createRestClient, expectPreferences, expectProblem } from './testing/rest-client.ts';

let gate: TestGate;
beforeAll(async () => {
  gate = await startTestGate();
});
afterAll(() => gate.close());
const { newUser, request, patch, insert, documentOf } = createRestClient(() => gate);

/** Whatever a document contains, its user can read it and edit every preference. */

test('a stored secret is omitted, and every other preference can be edited', async () => {
  const user = newUser();
  const edits = { apiToken: '2026-11-22T10:00:00.000Z-0000-aaaaa' };
  await insert(user, { preferences: { apiToken: 'sesame', selectedTags: ['a'] }, edits });
  for (const path of ['/profile', '/preferences']) {
    const response = await request(user, path);
    expect(response.status).toBe(200);
    expect(await response.text()).not.toMatch(/sesame|apiToken/);
  }
  await expectPreferences(await patch(user, { theme: 'dark' }));
  expect(await documentOf(user)).toMatchObject({ preferences: { apiToken: 'sesame', theme: 'dark' }, edits });
  const problem = await expectProblem(await patch(user, { apiToken: 'x' }), 422);
  expect(problem.errors).toEqual([{ pointer: '/apiToken', detail: expect.stringMatching(/secret/) as string }]);
});

test('unknown preferences and invalid values are kept and hidden, and every preference can be edited', async () => {
  const user = newUser();
  const stored = { theme: 'drak', language: 'de', viewMode: 'table' };
  await insert(user, { preferences: stored, edits: { language: '2026-11-22T10:00:00.000Z-0000-aaaaa' } });
  const shown = await expectPreferences(await request(user, '/preferences'));
  expect(shown).toMatchObject({ preferences: { theme: 'system', viewMode: 'table' }, edits: {} });
  expect(shown.preferences).not.toHaveProperty('language');
  await expectPreferences(await patch(user, { recapTime: '20:00' }));
  expect(await documentOf(user)).toMatchObject({ preferences: { ...stored, recapTime: '20:00' } });
  expect(await (await request(user, '/preferences/theme')).json()).toBe('system');
  await expectPreferences(await request(user, '/preferences/theme', { method: 'DELETE' }));
  expect((await documentOf(user))['preferences']).not.toHaveProperty('theme');
  const after = await expectPreferences(await request(user, '/preferences/theme', { method: 'PUT', body: 'dark' }));
  expect(after.preferences.theme).toBe('dark');
  await expectPreferences(await patch(user, { language: null }));
  expect((await documentOf(user))['preferences']).not.toHaveProperty('language');
});

test('a malformed document can be read and edited, and an edit makes it well-formed', async () => {
  const user = newUser();
  // Days that do not exist, which CouchDB's validation does not detect.
  const edits = { theme: '2026-02-30T10:00:00.000Z-0000-aaaaa', viewMode: '2026-02-28T10:00:00.000Z-0000-aaaaa' };
  await insert(user, {
    preferences: { theme: 'dark', viewMode: 'table' },
    edits,
    created_at: '2026-02-30T10:00:00.000Z',
  });
  const read = await expectPreferences(await request(user, '/preferences'));
  expect(read.preferences).toMatchObject({ theme: 'dark', viewMode: 'table' });
  await expectPreferences(await patch(user, { recapTime: '20:00' }));
  const { edits: after, created_at: createdAt } = await documentOf(user);
  expect(after).toEqual({ viewMode: edits.viewMode, recapTime: expect.any(String) as string });
  expect(createdAt).toBe('2026-03-02T10:00:00.000Z');
});

test('the removal of an unknown preference changes nothing', async () => {
  const user = newUser();
  await expectPreferences(await patch(user, { theme: 'dark' }));
  const { _rev: rev } = await documentOf(user);
  await expectPreferences(await patch(user, { colour: null }));
  expect((await documentOf(user))['_rev']).toBe(rev);
});

test('a stamp of any time before is exceeded by the next edit, whatever the clock', async () => {
  for (const stamp of [
    '2026-12-09T00:00:00.000Z-0000-aaaaa',
    '8999-12-31T23:59:59.999Z-ffff-zzzzz',
    '9998-01-01T00:00:00.000Z-0000-zzzzz',
    '9999-12-31T23:59:59.999Z-ffff-zzzzz',
  ]) {
    const user = newUser();
    await insert(user, { preferences: { theme: 'dark', viewMode: 'table' }, edits: { theme: stamp } });
    for (const theme of ['light', 'system'] as const) {
      expect((await expectPreferences(await patch(user, { theme }))).preferences.theme).toBe(theme);
    }
    expect((await expectPreferences(await patch(user, { viewMode: 'graph' }))).preferences.viewMode).toBe('graph');
  }
});
