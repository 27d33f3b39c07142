import fc from 'fast-check';
import { z } from 'zod';
import {
  anyDocumentOf,
  anyPatch,
  anyPreferences,
  anyUsername,
  PREFERENCE_KEYS,
  toUsername,
} from '../testing/arbitraries.ts';
import {
  createUserDocumentSchema,
  DEFAULT_PREFERENCES,
  MAX_DOCUMENT_BYTES,
  newUserDocument,
  preferencesPatchSchema,
  preferencesSchema,
  splitDocument,
  userDocumentSchema,
  withDefaults,
} from './user-document.ts';

const alice = toUsername('alice');
const fresh = newUserDocument(alice, new Date(Date.UTC(2026, 10, 22)));
const STAMP = '2026-11-22T09:30:01.123Z-0000-w7f3a';

const isValidWith = (change: object): boolean => userDocumentSchema.safeParse({ ...fresh, ...change }).success;

test('a new document of any user is valid and sets no preference', () => {
  fc.assert(
    fc.property(anyUsername, (name) => {
      const document = newUserDocument(name, new Date(0));
      expect(userDocumentSchema.parse(document)).toEqual(document);
      expect(document).toMatchObject({ _id: `user_${name}`, preferences: {}, edits: {} });
    }),
  );
});

test('the arbitrary documents of other tests are valid', () => {
  fc.assert(
    fc.property(anyDocumentOf(alice), (document) => {
      expect(userDocumentSchema.parse(document)).toEqual(document);
    }),
  );
});

test('the schema never throws on any JSON value', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom(...Object.keys(fresh)), (value, key) => {
      expect(userDocumentSchema.safeParse(value).success).toBe(false);
      expect(typeof isValidWith({ [key]: value })).toBe('boolean');
    }),
  );
});

test.each(Object.keys(fresh))('rejects a document without %s', (key) => {
  expect(
    userDocumentSchema.safeParse(Object.fromEntries(Object.entries(fresh).filter(([name]) => name !== key))).success,
  ).toBe(false);
});

test.each<[string, object]>([
  ['another id', { _id: 'user_bob' }],
  ['an id of another kind', { _id: 'alice' }],
  ['an id that is a list', { _id: ['user_alice'] }],
  ['an invalid name', { _id: 'user_Alice', username: 'Alice' }],
  ['another type', { type: 'user' }],
  ['version 0', { version: 0 }],
  ['a newer version', { version: 2 }],
  ['a version as text', { version: '1' }],
  ['an unknown field', { admin: true }],
  ['roles', { roles: ['_admin'] }],
  ['a revision', { _rev: `1-${'a'.repeat(32)}` }],
  ['attachments', { _attachments: {} }],
  ['preferences as a list', { preferences: [] }],
  ['null preferences', { preferences: null }],
  ['an unknown preference', { preferences: { colour: 'red' } }],
  ['a null preference', { preferences: { theme: null } }],
  ['a stamp of an unknown preference', { edits: { colour: STAMP } }],
  ['an invalid stamp', { edits: { theme: '2026-11-22' } }],
  ['a null stamp', { edits: { theme: null } }],
  ['a time without milliseconds', { created_at: '2026-11-22T09:30:01Z' }],
  ['a time of another zone', { updated_at: '2026-11-22T09:30:01.123+01:00' }],
  ['February 30', { updated_at: '2026-02-30T09:30:01.123Z' }],
  ['a time as a number', { updated_at: 0 }],
])('rejects a document with %s', (_, change) => {
  expect(isValidWith(change)).toBe(false);
});

test.each<[string, unknown]>([
  ['theme', 'Dark'],
  ['viewMode', 'list'],
  ['tableColumns', 'title'],
  ['tableColumns', ['']],
  ['tableColumns', Array.from({ length: 31 }, () => 'a')],
  ['activitySidebarOpen', 'true'],
  ['dailyBriefing', 1],
  ['briefingTime', '7:00'],
  ['briefingTime', '24:00'],
  ['briefingTime', '07:60'],
  ['briefingTime', '07:00\n'],
  ['recapTime', '18:00:00'],
  ['timezone', ''],
  ['timezone', '../etc/passwd'],
  ['timezone', 'Europe/Vienna/'],
  ['timezone', 'A'.repeat(65)],
  ['selectedTags', ['a'.repeat(41)]],
  ['selectedTags', ['a\u0000b']],
  ['selectedTags', ['a\ud800']],
  ['selectedTags', [['a']]],
  ['selectedContexts', { 0: 'a' }],
  ['selectedStatus', [null]],
  ['selectedTimeRange', 'forever'],
  ['filterPresets', [{}]],
  ['filterPresets', [{ name: 'a', script: 'x' }]],
  ['filterPresets', [{ name: 'a', selectedTags: Array.from({ length: 11 }, () => 'a') }]],
  ['filterPresets', Array.from({ length: 11 }, () => ({ name: 'a' }))],
])('rejects %s with the value %j', (key, value) => {
  expect(isValidWith({ preferences: { [key]: value } })).toBe(false);
});

test('rejects the names of inherited members', () => {
  for (const key of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
    const preferences: unknown = JSON.parse(`{"${key}":"dark"}`);
    expect(isValidWith({ preferences })).toBe(false);
    expect(isValidWith({ edits: JSON.parse(`{"${key}":"${STAMP}"}`) as object })).toBe(false);
    expect(userDocumentSchema.safeParse(JSON.parse(JSON.stringify(fresh).replace('{', `{"${key}":1,`))).success).toBe(
      false,
    );
  }
});

test('the largest valid document is within the size limit, and thus every merge', () => {
  // Three bytes per UTF-16 code unit is UTF-8's maximum: a surrogate pair takes four.
  const label = '日'.repeat(40);
  const list = (length: number): string[] => Array.from({ length }, () => label);
  const preset = {
    name: label,
    selectedTags: list(10),
    selectedContexts: list(10),
    selectedStatus: list(10),
    selectedTimeRange: 'quarter',
  };
  const largest = {
    _id: `user_${'a'.repeat(64)}`,
    type: 'user_preferences',
    version: 1,
    username: 'a'.repeat(64),
    preferences: {
      theme: 'system',
      viewMode: 'kanban',
      tableColumns: list(30),
      activitySidebarOpen: false,
      dailyBriefing: false,
      briefingTime: '07:00',
      dailyRecap: false,
      recapTime: '18:00',
      timezone: 'A'.repeat(64),
      selectedTags: list(30),
      selectedContexts: list(30),
      selectedStatus: list(30),
      selectedTimeRange: 'quarter',
      filterPresets: Array.from({ length: 10 }, () => preset),
    },
    edits: Object.fromEntries(PREFERENCE_KEYS.map((key) => [key, STAMP])),
    created_at: fresh.created_at,
    updated_at: fresh.updated_at,
  };
  expect(userDocumentSchema.safeParse(largest).error).toBeUndefined();
  expect(Object.keys(largest.preferences).sort()).toEqual([...PREFERENCE_KEYS].sort());
  expect(new TextEncoder().encode(JSON.stringify(largest)).length).toBeLessThan(MAX_DOCUMENT_BYTES);
});

test('each preference has a valid default, which a set value overrides', () => {
  expect(preferencesSchema.parse(DEFAULT_PREFERENCES)).toEqual(DEFAULT_PREFERENCES);
  expect(Object.keys(DEFAULT_PREFERENCES).sort()).toEqual([...PREFERENCE_KEYS].sort());
  expect(withDefaults({})).toEqual(DEFAULT_PREFERENCES);
  fc.assert(
    fc.property(anyPreferences, (preferences) => {
      expect(withDefaults(preferences)).toEqual({ ...DEFAULT_PREFERENCES, ...preferences });
    }),
  );
});

test('every edit is a valid patch, and a patch is as strict as the preferences', () => {
  fc.assert(
    fc.property(anyPatch, (patch) => {
      expect(preferencesPatchSchema.parse(patch)).toEqual(patch);
    }),
  );
  for (const bad of [{ theme: 'red' }, { colour: null }, { selectedTags: ['a'.repeat(41)] }, [], null, 'theme']) {
    expect(preferencesPatchSchema.safeParse(bad).success).toBe(false);
  }
});

test('an application’s own preferences are validated as strictly', () => {
  const schema = createUserDocumentSchema(z.strictObject({ fontSize: z.number().min(8).max(40).exactOptional() }));
  expect(schema.safeParse({ ...fresh, preferences: { fontSize: 12 }, edits: { fontSize: STAMP } }).success).toBe(true);
  expect(schema.safeParse({ ...fresh, preferences: { fontSize: 99 } }).success).toBe(false);
  expect(schema.safeParse({ ...fresh, preferences: { theme: 'dark' } }).success).toBe(false);
  expect(schema.safeParse({ ...fresh, edits: { theme: STAMP } }).success).toBe(false);
});

test.each(['_rev', '__proto__', '', 'a b', 'a'.repeat(65), 'ä'])(
  'throws a TypeError on a preference named %j',
  (key) => {
    const shape = Object.fromEntries([[key, z.boolean().exactOptional()]]);
    expect(() => createUserDocumentSchema(z.strictObject(shape))).toThrow(TypeError);
  },
);

test('splits a stored document into its body, CouchDB’s members, and the names of unknown ones', () => {
  const rev = `1-${'a'.repeat(32)}`;
  const members = { _rev: rev, _revisions: { start: 1, ids: ['a'.repeat(32)] }, _conflicts: [] };
  expect(splitDocument({ ...fresh, ...members, _attachments: {}, _access: [] })).toEqual({
    body: fresh,
    members,
    unknownMembers: ['_attachments', '_access'],
  });
  for (const value of [null, undefined, 1, 'a', []]) expect(splitDocument(value)).toBeUndefined();
});

test('keeps the names of inherited members when splitting', () => {
  const split = splitDocument(JSON.parse('{"_id":"user_alice","__proto__":{"_deleted":true},"constructor":1}'));
  expect(split?.unknownMembers).toEqual(['__proto__']);
  expect(split?.members._deleted).toBeUndefined();
  expect(Object.keys(split?.body ?? {})).toEqual(['_id', 'constructor']);
});
