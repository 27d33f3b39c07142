import { editSourceOf } from '../../../couchdb-design/user-document/edit-sources.ts';
import {
  DEFAULT_PREFERENCES,
  newUserDocument,
  parseUsername,
  type Username,
} from '../../../couchdb-design/user-document/user-document.ts';
import { problemSchema, profileSchema, userPreferencesSchema } from '../../contract.ts';
import { startTestGate, type TestGate } from '../../testing/test-gate.ts';

let gate: TestGate;
beforeAll(async () => {
  gate = await startTestGate({ CORS_ORIGINS: 'https://elsewhere.example' });
});
afterAll(() => gate.close());

let userCount = 0;
const newUser = (): string => `rest${(userCount += 1)}`;

interface RequestOptions {
  readonly method?: string;
  readonly body?: unknown;
  readonly text?: string;
  readonly headers?: Record<string, string>;
}
const JSON_TYPE = { 'content-type': 'application/json' };

const request = (
  user: string,
  path: string,
  { method = 'GET', body, text, headers = {} }: RequestOptions = {},
): Promise<Response> => {
  const sent = text ?? (body === undefined ? undefined : JSON.stringify(body));
  return fetch(`${gate.url}/api/users${path}`, {
    method,
    headers: { authorization: `Bearer ${gate.token(user)}`, ...(sent === undefined ? {} : JSON_TYPE), ...headers },
    ...(sent === undefined ? {} : { body: sent }),
  });
};
const patch = (user: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
  request(user, '/preferences', {
    method: 'PATCH',
    body,
    headers: { 'content-type': 'application/merge-patch+json', ...headers },
  });

const expectPreferences = async (response: Response) => {
  expect(response.status).toBe(200);
  return userPreferencesSchema.parse(await response.json());
};
const expectProblem = async (response: Response, status: number) => {
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  expect(response.status).toBe(status);
  const body = problemSchema.parse(await response.json());
  expect(body.status).toBe(status);
  return body;
};
/** Writes a document directly to the registry, as an administrator can. */
const insert = (user: string, members: object): Promise<unknown> => {
  const document = { ...newUserDocument(parseUsername(user) as Username, new Date(0)), ...members };
  return gate.registry().insert(document);
};
const documentOf = async (user: string): Promise<Record<string, unknown>> => ({
  ...(await gate.registry().get(`user_${user}`, { conflicts: true })),
});

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

test('a malformed document can be read and edited, and an edit puts it in order', async () => {
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

test('the removal of a preference that nobody knows changes nothing', async () => {
  const user = newUser();
  await expectPreferences(await patch(user, { theme: 'dark' }));
  const { _rev: rev } = await documentOf(user);
  await expectPreferences(await patch(user, { colour: null }));
  expect((await documentOf(user))['_rev']).toBe(rev);
});

const nested = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`;
const nestedPatch = (levels: number): string => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;

test.each<[string, string, string]>([
  ['5,000 nested lists', `{"selectedTags":${nested(5_000)}}`, '/selectedTags'],
  ['8,000 nested merge patches', `{"filterPresets":${nestedPatch(8_000)}}`, '/filterPresets'],
  ['66,000 letters', `{"selectedTags":["${'a'.repeat(66_000)}"]}`, '/selectedTags/0'],
  ['66,000 letters under an unknown name', `{"${'a'.repeat(66_000)}":1}`, `/${'a'.repeat(100)}`],
  ['a lone surrogate', '{"selectedTags":["\\ud800"]}', '/selectedTags/0'],
  ['a lone surrogate in a name', '{"\\ud800":1}', '/\ud800'],
  ['a __proto__ member', '{"filterPresets":[{"name":"a","__proto__":1}]}', '/filterPresets/0/__proto__'],
  ['infinity', '{"theme":1e400}', '/theme'],
  ['41 characters beyond the BMP', `{"selectedTags":["${'😀'.repeat(41)}"]}`, '/selectedTags/0'],
  ['a secret inside', '{"filterPresets":[{"name":"a","password":"x"}]}', '/filterPresets/0/password'],
])('%s: 422 with the path of the member, by PATCH and PUT', async (_name, text, pointer) => {
  const user = newUser();
  const headers = { 'content-type': 'application/merge-patch+json' };
  const problem = await expectProblem(await request(user, '/preferences', { method: 'PATCH', text, headers }), 422);
  expect(problem.errors?.map((error) => error.pointer.slice(0, pointer.length))).toEqual([pointer]);
  const [, name = '', value = ''] = /^\{"(\w+)":(.*)\}$/s.exec(text) ?? [];
  if (name.length !== 0 && name.length < 100) {
    const put = await expectProblem(await request(user, `/preferences/${name}`, { method: 'PUT', text: value }), 422);
    expect(put.errors?.map((error) => error.pointer.slice(0, pointer.length))).toEqual([pointer]);
  }
});

test('40 characters beyond the BMP are accepted, as by every interface', async () => {
  const selectedTags = ['😀'.repeat(21), '😀'.repeat(40)];
  const { preferences } = await expectPreferences(await patch(newUser(), { selectedTags }));
  expect(preferences.selectedTags).toEqual(selectedTags);
});

test('the size of the document after the edit is limited, and an edit that does not increase it is accepted', async () => {
  const user = newUser();
  const label = '😀'.repeat(40);
  const labels = (length: number): string[] => Array.from({ length }, () => label);
  const preset = { name: label, selectedTags: labels(10), selectedContexts: labels(10), selectedStatus: labels(10) };
  const filterPresets = Array.from({ length: 10 }, () => preset);
  await expectPreferences(await patch(user, { filterPresets, selectedTags: labels(30), tableColumns: labels(30) }));
  const problem = await expectProblem(
    await patch(user, { selectedStatus: labels(30), selectedContexts: labels(30) }),
    422,
  );
  expect(problem.detail).toMatch(/^The document would have \d+ bytes; at most 65536 are accepted\.$/);
  expect(problem.errors).toMatchObject([{ pointer: '' }]);
  await expectPreferences(await patch(user, { theme: 'dark' }));
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
