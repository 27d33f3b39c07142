import fc from 'fast-check';
import { anyDocumentOf, anyPreferences, anyUsername, toUsername } from '../testing/arbitraries.ts';
import { designFunction } from '../testing/design-files.ts';
import { createUserDocumentReader, needsRepair, newUserDocument, readUserDocument } from './user-document.ts';

const alice = toUsername('alice');
const fresh = newUserDocument(alice, new Date(Date.UTC(2026, 10, 22)));
const REV = `3-${'a'.repeat(32)}`;
const STAMP = '2026-11-22T09:30:01.123Z-0000-w7f3a';
const EPOCH = '1970-01-01T00:00:00.000Z';

const documentIn = (value: unknown) => {
  const read = readUserDocument(value);
  if (!read.ok) throw new Error(read.reason);
  return read.document;
};
const pathsRepairedIn = (value: unknown): readonly string[] => {
  const read = readUserDocument(value);
  return read.ok ? read.repairs.map(({ path }) => path.join('.')) : [read.reason];
};

const validate = designFunction(['validate_doc_update']);
const isStorable = (document: object): boolean => {
  try {
    validate({ ...document, _rev: REV }, null, { name: 'pouchgate', roles: ['pouchgate_service'] }, {});
    return true;
  } catch {
    return false;
  }
};

test("reads a well-formed document unchanged, without CouchDB's members", () => {
  fc.assert(
    fc.property(anyUsername.chain(anyDocumentOf), (document) => {
      const stored = { ...document, _rev: REV, _revisions: { start: 3, ids: ['a'.repeat(32)] }, _conflicts: [REV] };
      expect(readUserDocument(stored)).toEqual({ ok: true, document, repairs: [] });
      expect(needsRepair(stored)).toBe(false);
    }),
  );
});

test('keeps unknown preferences and values that no schema accepts', () => {
  const preferences = {
    theme: 'drak',
    language: 'de',
    any: { password: 'x', deep: [[[[1]]]] },
    big: 'x'.repeat(70_000),
  };
  const edits = { theme: STAMP, formerly: STAMP };
  expect(readUserDocument({ ...fresh, preferences, edits })).toEqual({
    ok: true,
    document: { ...fresh, preferences, edits },
    repairs: [],
  });
});

const anyMember = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constantFrom('alice', 'user_preferences', 0, 1, '1'));
const anyBody = fc.record(
  {
    _id: fc.constant('user_alice'),
    type: anyMember,
    version: fc.oneof(
      fc.constantFrom(0, 1),
      anyMember.filter((value) => typeof value !== 'number' || value <= 1),
    ),
    username: anyMember,
    preferences: fc.oneof(anyPreferences, fc.dictionary(fc.string(), fc.jsonValue()), anyMember),
    edits: fc.oneof(
      fc.dictionary(fc.constantFrom('theme', 'a b', '__proto__'), fc.constantFrom<unknown>(STAMP, 'zzz', null, 7)),
      anyMember,
    ),
    created_at: anyMember,
    updated_at: anyMember,
    password_hash: anyMember,
  },
  { requiredKeys: ['_id'] },
);

test('whatever an operator has stored, reading it returns a well-formed document, which CouchDB stores', () => {
  fc.assert(
    fc.property(anyBody, (body) => {
      const document = documentIn(body);
      expect(isStorable(document)).toBe(true);
      expect(readUserDocument(document)).toEqual({ ok: true, document, repairs: [] });
      expect(needsRepair(body)).toBe(JSON.stringify(sorted(body)) !== JSON.stringify(sorted(document)));
      expect(documentIn({ ...body, _rev: REV })).toEqual(document);
    }),
    { numRuns: 500 },
  );
});

const sorted = (value: object): unknown => {
  const known = Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  return known;
};

test('reads or rejects any value without throwing, with a sentence as the reason', () => {
  fc.assert(
    fc.property(fc.oneof(fc.anything(), fc.jsonValue()), (value) => {
      const read = readUserDocument(value);
      if (!read.ok) expect(read.reason).toMatch(/^[A-Z].*\.$/s);
    }),
    { numRuns: 500 },
  );
});

test('reads a document of version 0, whose preferences are older than any edit', () => {
  fc.assert(
    fc.property(anyPreferences, (preferences) => {
      const old = {
        _id: 'user_alice',
        username: 'alice',
        preferences,
        created_at: '2025-01-02',
        updated_at: '2025-03-04T05:06:07Z',
      };
      expect(documentIn({ ...old, _rev: REV })).toEqual({
        ...fresh,
        preferences,
        created_at: '2025-01-02T00:00:00.000Z',
        updated_at: '2025-03-04T05:06:07.000Z',
      });
    }),
  );
});

test.each<[string, object, object, readonly string[]]>([
  ['no version and type', { version: undefined, type: undefined }, {}, ['type', 'version']],
  ['a version as text', { version: '1' }, {}, ['version']],
  ['a negative version', { version: -1 }, {}, ['version']],
  ["another user's name", { username: 'bob' }, {}, ['username']],
  ['unknown members', { password_hash: 'x', roles: [] }, {}, ['password_hash', 'roles']],
  ['no preferences', { preferences: null }, { preferences: {} }, ['preferences']],
  ['preferences as a list', { preferences: ['dark'] }, { preferences: {} }, ['preferences']],
  ['a null preference', { preferences: { theme: null, a: 1 } }, { preferences: { a: 1 } }, ['preferences.theme']],
  [
    'a name that no preference has',
    { preferences: { 'a b': 1, a: 1 } },
    { preferences: { a: 1 } },
    ['preferences.a b'],
  ],
  ['a malformed stamp', { edits: { theme: 'yesterday', a: STAMP } }, { edits: { a: STAMP } }, ['edits.theme']],
  ['a stamp that no edit can exceed', { edits: { a: '9999-12-31T23:59:59.999Z-ffff-zzzzz' } }, {}, ['edits.a']],
  ['edits as text', { edits: 'x' }, {}, ['edits']],
  [
    'malformed times',
    { created_at: 'never', updated_at: 7 },
    { created_at: '1970-01-01T00:00:00.007Z', updated_at: '1970-01-01T00:00:00.007Z' },
    ['created_at', 'updated_at'],
  ],
  [
    'no times',
    { created_at: null, updated_at: {} },
    { created_at: EPOCH, updated_at: EPOCH },
    ['created_at', 'updated_at'],
  ],
  [
    'a time of another zone',
    { created_at: '2026-11-22T01:00:00.000+01:00' },
    { created_at: '2026-11-22T00:00:00.000Z' },
    ['created_at'],
  ],
  [
    'a time without a zone',
    { created_at: '2026-11-22T01:00:00.000' },
    { created_at: fresh.updated_at },
    ['created_at'],
  ],
  [
    'a time of no day',
    { created_at: '2026-02-30T00:00:00.000Z' },
    { created_at: '2026-03-02T00:00:00.000Z' },
    ['created_at'],
  ],
  [
    'an unpaired surrogate',
    { preferences: { a: ['\ud83d', '\\ud83d', '😀', { 'b\udc00': 1 }] } },
    { preferences: { a: ['\ufffd', '\\ud83d', '😀', { 'b\ufffd': 1 }] } },
    ['preferences.a'],
  ],
])('reads a document with %s, and reports the repair', (_name, change, expected, paths) => {
  const body = { ...fresh, ...change };
  expect(documentIn(body)).toEqual({ ...fresh, ...expected });
  expect(pathsRepairedIn(body)).toEqual(paths);
});

test('a value that is nested too deeply for any program is dropped', () => {
  const nest = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels));
  expect(documentIn({ ...fresh, preferences: { a: nest(100), b: nest(101), c: nest(5_000) } }).preferences).toEqual({
    a: nest(100),
  });
});

test('does not take the time for many backslashes', () => {
  const text = `${'\\'.repeat(60_000)}\ud800`;
  expect(documentIn({ ...fresh, preferences: { text } }).preferences).toEqual({ text: `${'\\'.repeat(60_000)}\ufffd` });
});

test('a member named __proto__ is dropped, and changes no prototype', () => {
  const body: unknown = JSON.parse(
    `{"_id":"user_alice","__proto__":{"admin":true},"preferences":{"theme":"dark","__proto__":{"theme":"light"}}}`,
  );
  const { preferences } = documentIn(body);
  expect(preferences).toEqual({ theme: 'dark' });
  expect(Object.getPrototypeOf(preferences)).toBe(Object.prototype);
});

test('rejects a document of a newer version, and gives the version as the reason', () => {
  for (const version of [2, 1.5, Infinity]) {
    expect(pathsRepairedIn({ ...fresh, version, somethingNew: true })[0]).toMatch(/newer than this program can read/);
  }
  expect(needsRepair({ ...fresh, version: 2 })).toBe(false);
});

test.each<[string, unknown, RegExp]>([
  ['a deletion', { _id: 'user_alice', _rev: REV, _deleted: true }, /deleted/],
  ['attachments', { ...fresh, _attachments: {} }, /attachments/],
  ['an id that is no user document', { ...fresh, _id: 'users' }, /_id/],
  ['an id of an invalid name', { ...fresh, _id: 'user_Alice' }, /_id/],
  ['no id', { ...fresh, _id: undefined }, /_id/],
  ['a list', [fresh], /object/],
])('rejects %s with a matching reason', (_, value, reason) => {
  expect(pathsRepairedIn(value)[0]).toMatch(reason);
});

test('another prefix of ids belongs to other documents', () => {
  const read = createUserDocumentReader('own_');
  expect(read({ ...fresh, _id: 'own_alice' })).toMatchObject({ ok: true, repairs: [] });
  expect(read(fresh)).toMatchObject({ ok: false });
  expect(needsRepair({ ...fresh, _id: 'own_alice', version: 0 }, read)).toBe(true);
});
