import { editSourceOf } from '../../../couchdb-design/user-document/edit-sources.ts';
import {
  DEFAULT_PREFERENCES,
  newUserDocument,
  parseUsername,
  type Username,
} from '../../../couchdb-design/user-document/user-document.ts';
import { profileSchema } from '../../contract.ts';
import { startTestGate, type TestGate } from '../../testing/test-gate.ts';
import { createRestClient, expectPreferences, expectProblem, JSON_TYPE } from './testing/rest-client.ts';

let gate: TestGate;
beforeAll(async () => {
  gate = await startTestGate({ CORS_ORIGINS: 'https://elsewhere.example' });
});
afterAll(() => gate.close());
const { newUser, request, patch, insert, documentOf } = createRestClient(() => gate);

test('a profile has the username and the preferences, with defaults for those that were never set', async () => {
  const user = newUser();
  const response = await request(user, '/profile');
  expect(response.headers.get('cache-control')).toBe('no-store');
  const profile = profileSchema.parse(await response.json());
  expect(profile).toMatchObject({ username: user, session: null, preferences: DEFAULT_PREFERENCES, edits: {} });
});

test('a patch edits each preference that it names, stamped as REST, and returns all preferences', async () => {
  const user = newUser();
  const first = await expectPreferences(await patch(user, { theme: 'dark', selectedTags: ['a', 'b'] }));
  expect(first.preferences).toEqual({ ...DEFAULT_PREFERENCES, theme: 'dark', selectedTags: ['a', 'b'] });
  expect(first.edits).toMatchObject({ theme: { by: 'rest' }, selectedTags: { by: 'rest' } });
  const second = await expectPreferences(await patch(user, { theme: null }));
  expect(second.preferences).toEqual({ ...DEFAULT_PREFERENCES, selectedTags: ['a', 'b'] });
  const { preferences, edits } = await documentOf(user);
  expect(preferences).toEqual({ selectedTags: ['a', 'b'] });
  const { theme, selectedTags, ...others } = edits as Record<string, string>;
  expect(others).toEqual({});
  expect([theme, selectedTags].map((stamp) => editSourceOf(stamp ?? ''))).toEqual(['rest', 'rest']);
  expect(theme?.localeCompare(selectedTags ?? '')).toBe(1);
});

test('GET, PUT and DELETE address one preference by its name', async () => {
  const user = newUser();
  await expectPreferences(await request(user, '/preferences/briefingTime', { method: 'PUT', body: '06:15' }));
  expect(await (await request(user, '/preferences/briefingTime')).json()).toBe('06:15');
  const after = await expectPreferences(await request(user, '/preferences/briefingTime', { method: 'DELETE' }));
  expect(after.preferences.briefingTime).toBe(DEFAULT_PREFERENCES.briefingTime);
  expect(after.edits['briefingTime']).toMatchObject({ by: 'rest' });
  const { _rev: rev } = await documentOf(user);
  await expectPreferences(await request(user, '/preferences/briefingTime', { method: 'DELETE' }));
  expect((await documentOf(user))['_rev']).toBe(rev);
});

test('an ETag identifies the state: If-None-Match gets 304, and an outdated If-Match 412 without a write', async () => {
  const user = newUser();
  const response = await request(user, '/preferences');
  const tag = response.headers.get('etag') ?? '';
  expect(tag).toMatch(/^"\d+-[0-9a-f]{32}"$/);
  expect((await request(user, '/profile')).headers.get('etag')).toBe(tag);
  for (const known of [tag, `W/${tag}`, `"x", ${tag}`, '*']) {
    expect((await request(user, '/preferences', { headers: { 'if-none-match': known } })).status).toBe(304);
  }
  const changed = await patch(user, { theme: 'dark' }, { 'if-match': tag });
  const after = changed.headers.get('etag') ?? '';
  await expectPreferences(changed);
  expect(after).not.toBe(tag);
  expect((await request(user, '/preferences')).headers.get('etag')).toBe(after);
  const late = await patch(user, { theme: 'light' }, { 'if-match': tag });
  expect(late.headers.get('etag')).toBe(after);
  await expectProblem(late, 412);
  await expectProblem(
    await request(user, '/preferences/theme', { method: 'PUT', body: 'light', headers: { 'if-match': tag } }),
    412,
  );
  await expectPreferences(await patch(user, { theme: 'light' }, { 'if-match': `${after}, "x"` }));
  await expectPreferences(await patch(user, {}, { 'if-match': '*' }));
});

test('an ETag that a compressing proxy has changed identifies the same state in every conditional header', async () => {
  const user = newUser();
  const etagOf = async (): Promise<string> => (await request(user, '/preferences')).headers.get('etag') ?? '';
  // nginx and HAProxy make the tag weak; Apache appends the coding.
  const changes: ((tag: string) => string)[] = [
    (tag) => `W/${tag}`,
    (tag) => tag.replace(/"$/, '-gzip"'),
    (tag) => `"x", W/${tag}`,
  ];
  for (const change of changes) {
    const known = change(await etagOf());
    expect((await request(user, '/preferences', { headers: { 'if-none-match': known } })).status).toBe(304);
    const put = await request(user, '/preferences/theme', {
      method: 'PUT',
      body: 'dark',
      headers: { 'if-match': change(await etagOf()) },
    });
    await expectPreferences(put);
    await expectPreferences(await patch(user, { theme: 'light' }, { 'if-match': change(await etagOf()) }));
    await expectProblem(await patch(user, { theme: 'dark' }, { 'if-match': known }), 412);
    const removed = await request(user, '/preferences/theme', {
      method: 'DELETE',
      headers: { 'if-match': change(await etagOf()) },
    });
    await expectPreferences(removed);
  }
});

test('an invalid value is 422 with a pointer to it, and nothing is written', async () => {
  const user = newUser();
  await expectPreferences(await patch(user, { theme: 'dark' }));
  const { _rev: rev } = await documentOf(user);
  const problem = await expectProblem(await patch(user, { viewMode: 'table', theme: 'pink', 'no/such': 1 }), 422);
  expect(problem.errors?.map(({ pointer }) => pointer)).toContain('/theme');
  expect(problem.error).toBe('invalid_preferences');
  await expectProblem(await request(user, '/preferences/theme', { method: 'PUT', body: null }), 422);
  await expectProblem(await patch(user, ['theme']), 400);
  await expectProblem(await request(user, '/preferences', { method: 'PATCH', text: '{"theme":' }), 400);
  await expectProblem(
    await request(user, '/preferences', { method: 'PATCH', text: '{}', headers: { 'content-type': 'text/plain' } }),
    415,
  );
  await expectProblem(await request(user, '/preferences', { method: 'PATCH', headers: JSON_TYPE }), 400);
  const large = { selectedTags: ['x'.repeat(100_000)] };
  await expectProblem(await patch(user, large), 413);
  expect((await documentOf(user))['_rev']).toBe(rev);
});

test('property names of Object.prototype are not preferences', async () => {
  const user = newUser();
  for (const name of ['__proto__', 'constructor', 'toString']) {
    await expectProblem(await request(user, `/preferences/${name}`, { method: 'PUT', body: 'x' }), 404);
    await expectProblem(
      await request(user, '/preferences', { method: 'PATCH', text: `{"${name}":{"polluted":true}}` }),
      422,
    );
  }
  expect(Reflect.get({}, 'polluted')).toBeUndefined();
});

test('an invalid token is 401, an unknown path 404 and another method 405, all as problem details', async () => {
  const user = newUser();
  await expectProblem(await fetch(`${gate.url}/api/users/profile`), 401);
  await expectProblem(
    await request(user, '/profile', { headers: { authorization: `Bearer ${gate.token(user, { exp: 1 })}` } }),
    401,
  );
  await expectProblem(await request(user, '/preferences/nothing'), 404);
  await expectProblem(await request(user, '/nothing'), 404);
  await expectProblem(await request(user, '/Profile'), 404);
  const refused = await request(user, '/preferences', { method: 'POST', body: {} });
  expect(refused.headers.get('allow')).toBe('GET,HEAD,PATCH');
  await expectProblem(refused, 405);
});

test('an open conflict is merged in responses and resolved by the next edit', async () => {
  const user = newUser();
  const base = newUserDocument(parseUsername(user) as Username, new Date(0));
  const leaf = (digit: string, preferences: object, edits: object) => ({
    ...base,
    _rev: `1-${digit.repeat(32)}`,
    preferences,
    edits,
  });
  const stampAt = (second: number, device: string): string => `2026-11-22T10:00:0${second}.000Z-0000-${device}`;
  const docs = [
    leaf('a', { theme: 'dark', viewMode: 'table' }, { theme: stampAt(2, 'aaaaa'), viewMode: stampAt(1, 'aaaaa') }),
    leaf('b', { theme: 'light', viewMode: 'graph' }, { theme: stampAt(1, 'bbbbb'), viewMode: stampAt(2, 'bbbbb') }),
  ];
  await gate.registry().bulk({ docs, new_edits: false });
  const read = await expectPreferences(await request(user, '/preferences'));
  expect(read.preferences).toMatchObject({ theme: 'dark', viewMode: 'graph' });
  expect(read.edits['theme']).toEqual({ at: '2026-11-22T10:00:02.000Z', by: 'device', device: 'aaaaa' });
  const after = await expectPreferences(await patch(user, { recapTime: '20:00' }));
  expect(after.preferences).toMatchObject({ theme: 'dark', viewMode: 'graph', recapTime: '20:00' });
  expect(await documentOf(user)).toMatchObject({
    preferences: { theme: 'dark', viewMode: 'graph', recapTime: '20:00' },
  });
  expect((await documentOf(user))['_conflicts']).toBeUndefined();
});

test('concurrent edits of different preferences are all kept; of one preference the latest stamp wins', async () => {
  const user = newUser();
  const patches = [
    { theme: 'dark' },
    { viewMode: 'graph' },
    { recapTime: '20:00' },
    { briefingTime: '06:00' },
    { dailyRecap: true },
    { theme: 'light' },
  ];
  const responses = await Promise.all(patches.map(async (each) => expectPreferences(await patch(user, each))));
  const final = await expectPreferences(await request(user, '/preferences'));
  expect(final.preferences).toMatchObject({
    viewMode: 'graph',
    recapTime: '20:00',
    briefingTime: '06:00',
    dailyRecap: true,
  });
  expect(Object.keys(final.edits).sort()).toEqual(['briefingTime', 'dailyRecap', 'recapTime', 'theme', 'viewMode']);
  // The last response contains the final state.
  expect(responses).toContainEqual(final);
});

test('an edit wins over an earlier one with a stamp from the future', async () => {
  const user = newUser();
  const ahead = new Date(Date.now() + 3_600_000).toISOString();
  await insert(user, {
    preferences: { theme: 'dark' },
    edits: { theme: `${ahead}-0000-aaaaa` },
  });
  const after = await expectPreferences(await patch(user, { theme: 'light' }));
  expect(after.preferences.theme).toBe('light');
  expect(after.edits['theme']).toMatchObject({ at: ahead, by: 'rest' });
});

test('a document of a newer version (409) is neither served nor changed', async () => {
  const newer = newUser();
  await insert(newer, { version: 2 });
  await expectProblem(await request(newer, '/preferences'), 409);
  await expectProblem(await patch(newer, { theme: 'dark' }), 409);
  expect(await documentOf(newer)).toMatchObject({ version: 2, preferences: {} });
});

test('CORS allows listed origins only', async () => {
  const preflight = (origin: string): Promise<Response> =>
    fetch(`${gate.url}/api/users/preferences`, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'PATCH' },
    });
  const good = await preflight('https://elsewhere.example');
  expect(good.headers.get('access-control-allow-origin')).toBe('https://elsewhere.example');
  expect(good.headers.get('access-control-allow-methods')).toContain('PATCH');
  expect((await preflight('https://evil.example')).headers.get('access-control-allow-origin')).toBeNull();
});
