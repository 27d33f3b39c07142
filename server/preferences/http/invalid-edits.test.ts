import { startTestGate, type TestGate } from '../../testing/test-gate.ts';
import { createRestClient, expectPreferences, expectProblem } from './testing/rest-client.ts';

let gate: TestGate;
beforeAll(async () => {
  gate = await startTestGate();
});
afterAll(() => gate.close());
const { newUser, request, patch } = createRestClient(() => gate);

/** An edit that no interface accepts is 422 with the path of each member, and never 5xx. */

const nested = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`;
const nestedPatch = (levels: number): string => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;

test.each<[string, string, string]>([
  ['17 nested lists', `{"selectedTags":${nested(17)}}`, '/selectedTags'],
  ['30 nested merge patches', `{"filterPresets":${nestedPatch(30)}}`, '/filterPresets'],
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

test.each<[string, string]>([
  ['33 nested lists', nested(33)],
  ['47,000 nested lists', nested(47_000)],
  ['8,000 nested merge patches', nestedPatch(8_000)],
  ['16,000 nested merge patches', nestedPatch(16_000)],
])('%s are 400 before they are parsed, by PATCH and PUT', async (_name, value) => {
  const user = newUser();
  const headers = { 'content-type': 'application/merge-patch+json' };
  for (const sent of [
    request(user, '/preferences', { method: 'PATCH', text: `{"filterPresets":${value}}`, headers }),
    request(user, '/preferences', { method: 'PATCH', text: value, headers }),
    request(user, '/preferences/filterPresets', { method: 'PUT', text: value }),
  ]) {
    const { detail } = await expectProblem(await sent, 400);
    expect(detail).toBe('The body is nested more than 32 levels deep.');
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
