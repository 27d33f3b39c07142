import fc from 'fast-check';
import {
  anyDocumentOf,
  anyPatch,
  anyPreferences,
  anyUsername,
  PREFERENCE_KEYS,
  toUsername,
} from '../testing/arbitraries.ts';
import { isValidUserDocument } from '../testing/valid-document.ts';
import {
  DEFAULT_PREFERENCES,
  documentBytes,
  MAX_DOCUMENT_BYTES,
  newUserDocument,
  preferencesPatchSchema,
  preferencesSchema,
  splitDocument,
  withDefaults,
} from './user-document.ts';

const alice = toUsername('alice');
const fresh = newUserDocument(alice, new Date(Date.UTC(2026, 10, 22)));
const STAMP = '2026-11-22T09:30:01.123Z-0000-w7f3a';

const isValidWith = (change: object): boolean => isValidUserDocument({ ...fresh, ...change });

test('a new document of any user is valid and sets no preference', () => {
  fc.assert(
    fc.property(anyUsername, (name) => {
      const document = newUserDocument(name, new Date(0));
      expect(isValidUserDocument(document)).toBe(true);
      expect(document).toMatchObject({ _id: `user_${name}`, preferences: {}, edits: {} });
    }),
  );
});

test('the arbitrary documents of other tests are valid', () => {
  fc.assert(fc.property(anyDocumentOf(alice), (document) => isValidUserDocument(document)));
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
    expect(isValidUserDocument(JSON.parse(JSON.stringify(fresh).replace('{', `{"${key}":1,`)))).toBe(false);
  }
});

/** Every preference with its longest value, in texts of this character. */
const largestDocument = (character: string) => {
  const label = character.repeat(40);
  const list = (length: number): string[] => Array.from({ length }, () => label);
  const preset = {
    name: label,
    selectedTags: list(10),
    selectedContexts: list(10),
    selectedStatus: list(10),
    selectedTimeRange: 'quarter',
  };
  return {
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
};

test('the largest valid document of usual texts is within the size limit, and thus every merge', () => {
  const largest = largestDocument('日');
  expect(isValidUserDocument(largest)).toBe(true);
  expect(Object.keys(largest.preferences).sort()).toEqual([...PREFERENCE_KEYS].sort());
  expect(documentBytes(largest)).toBeLessThan(MAX_DOCUMENT_BYTES);
  // Each of its values is valid, but their sum is not.
  expect(documentBytes(largestDocument('😀'))).toBeGreaterThan(MAX_DOCUMENT_BYTES);
  expect(isValidUserDocument(largestDocument('😀'))).toBe(false);
});

test('the length of a text is counted in code points', () => {
  for (const character of ['a', '日', '😀']) {
    expect(isValidWith({ preferences: { selectedTags: [character.repeat(40)] } })).toBe(true);
    expect(isValidWith({ preferences: { selectedTags: [character.repeat(41)] } })).toBe(false);
  }
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
