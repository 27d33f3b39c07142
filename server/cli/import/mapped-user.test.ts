import fc from 'fast-check';
import { secretFields } from '../../../couchdb-design/user-document/secret-fields.ts';
import { defaultPreferenceDefinition } from '../../preferences/schema.ts';
import { toMappedUser } from './mapped-user.ts';

const { schema, idOf } = defaultPreferenceDefinition();
const rules = { schema, idOf, hasPasswordSignIn: true, supportsAllFunctions: true, now: Date.UTC(2026, 0) };
const toUser = (mapped: unknown, more: Partial<typeof rules> = {}) => toMappedUser(mapped, { ...rules, ...more });

test('leaves out what the schema does not accept, with the path, and keeps the rest', () => {
  const user = toUser({
    username: 'alice',
    preferences: {
      theme: 'dark',
      viewMode: 'pink',
      unknown: 1,
      apiToken: 's3cret',
      filterPresets: [{ name: 'a', password: 's3cret' }],
      selectedTags: ['\ud800'],
      timezone: null,
    },
    updatedAt: 'yesterday',
  });
  if (typeof user === 'string') throw new Error(user);
  expect(user.document.preferences).toEqual({ theme: 'dark' });
  expect(user.leftOut.map(({ path }) => path)).toEqual([
    'updatedAt',
    'preferences.viewMode',
    'preferences.unknown',
    'preferences.apiToken',
    'preferences.filterPresets.0.password',
    'preferences.selectedTags.0',
  ]);
  expect(JSON.stringify(user.leftOut)).not.toContain('s3cret');
});

test('a name is that of an account, or with an identity provider any subject', () => {
  expect(toUser({ username: 'Alice' })).toContain('no account can have');
  expect(toUser({ username: 'Alice' }, { hasPasswordSignIn: false })).toMatchObject({ username: '=41lice' });
  for (const mapped of [
    undefined,
    null,
    'alice',
    { username: '' },
    { username: 7 },
    { username: 'a', preferences: [] },
  ]) {
    expect(typeof toUser(mapped, { hasPasswordSignIn: false })).toBe('string');
  }
});

test('whatever a mapping returns, the result is a reason or a document that may be stored', () => {
  const anyMapped = fc.oneof(
    fc.anything(),
    fc.record({
      username: fc.oneof(fc.constant('alice'), fc.anything()),
      preferences: fc.oneof(
        fc.dictionary(fc.constantFrom('theme', 'apiToken', '__proto__', 'selectedTags'), fc.anything()),
      ),
      createdAt: fc.anything(),
      updatedAt: fc.anything(),
      password: fc.anything(),
      account: fc.anything(),
    }),
  );
  fc.assert(
    fc.property(anyMapped, (mapped) => {
      const user = toUser(mapped);
      if (typeof user === 'string') return;
      expect([...secretFields(user.document)]).toEqual([]);
      for (const [key, value] of Object.entries(user.document.preferences))
        expect(schema.findViolation(key, value)).toBeUndefined();
      for (const time of [user.document.created_at, user.document.updated_at])
        expect(new Date(time).toISOString()).toBe(time);
    }),
  );
});
