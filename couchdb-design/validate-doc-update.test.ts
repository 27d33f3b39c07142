import fc from 'fast-check';
import { anyDocumentOf, anyPatch, anyStamp, anyUsername, toUsername } from './testing/arbitraries.ts';
import { designFunction } from './testing/design-files.ts';
import { applyEdit } from './user-document/merge.ts';
import { resolveConflict } from './user-document/revisions.ts';
import { isValidUserDocument } from './testing/valid-document.ts';
import { newUserDocument, parseStoredUsername } from './user-document/user-document.ts';

const validate = designFunction(['validate_doc_update']);

interface Writer {
  readonly name: string | null;
  readonly roles: readonly string[];
}

const ALICE: Writer = { name: 'alice', roles: ['registry_user'] };
const BOB: Writer = { name: 'bob', roles: ['registry_user'] };
const SERVICE: Writer = { name: 'pouchgate', roles: ['pouchgate_service'] };
const ADMIN: Writer = { name: 'root', roles: ['_admin'] };
const ANONYMOUS: Writer = { name: null, roles: [] };
const WRITERS = [ALICE, SERVICE, ADMIN];

const REV = `2-${'a'.repeat(32)}`;
const REVISIONS = { start: 2, ids: ['a'.repeat(32), 'b'.repeat(32)] };
const STAMP = '2026-11-22T09:30:01.123Z-0000-w7f3a';
const good = {
  ...newUserDocument(toUsername('alice'), new Date(Date.UTC(2026, 10, 22))),
  preferences: { theme: 'dark' },
  edits: { theme: STAMP },
};
const tombstone = { _id: 'user_alice', _rev: REV, _revisions: REVISIONS, _deleted: true };

/** Returns 'accepted', or the kind of rejection. A rejection without a sentence, or any other error, fails the test. */
const verdict = (newDoc: unknown, writer: unknown, oldDoc: unknown = null): string => {
  try {
    validate(newDoc, oldDoc, writer, { admins: {}, members: {} });
    return 'accepted';
  } catch (error) {
    const [[kind, sentence] = []] = Object.entries(error as object);
    expect(sentence).toMatch(/^.{10,200}\.$/s);
    return String(kind);
  }
};

test('accepts every document of the library from its user, the service and an administrator', () => {
  fc.assert(
    fc.property(
      anyUsername.chain((name) => fc.tuple(fc.constant(name), anyDocumentOf(name))),
      anyPatch,
      anyStamp,
      ([name, any], patch, stamp) => {
        const first = newUserDocument(name, new Date(0));
        for (const document of [first, any, applyEdit(first, patch, stamp), applyEdit(any, patch, stamp)]) {
          for (const writer of [{ name, roles: ['registry_user'] }, SERVICE, ADMIN]) {
            expect(verdict({ ...document, _rev: REV, _revisions: REVISIONS }, writer)).toBe('accepted');
          }
        }
      },
    ),
  );
});

/** Encoded subjects, and texts that nearly are: pieces of escapes in any order, and changed characters. */
const anyNearlyEncoded = fc.oneof(
  anyUsername.map(String),
  fc
    .array(
      fc.constantFrom(
        'a',
        'A',
        '=',
        '=41',
        '=61',
        '=C3',
        '=A4',
        '=E0',
        '=ED',
        '=9F',
        '=A0',
        '=80',
        '=F0',
        '=90',
        '=F4',
        '=8F',
      ),
    )
    .map((parts) => parts.join('')),
  fc.tuple(anyUsername, fc.nat(), fc.constantFrom('=', 'C', '8', 'a', '%', ':', '')).map(([name, at, change]) => {
    const index = at % name.length;
    return `${name.slice(0, index)}${change}${name.slice(index + 1)}`;
  }),
);

test('agrees with the library about which texts are usernames', () => {
  fc.assert(
    fc.property(anyNearlyEncoded, (text) => {
      const document = { ...good, _id: `user_${text}`, username: text };
      const writer = { name: text, roles: ['registry_user'] };
      expect(verdict(document, writer)).toBe(parseStoredUsername(text) === undefined ? 'forbidden' : 'accepted');
    }),
    { numRuns: 2_000 },
  );
});

test('accepts every conflict resolution from its user', () => {
  const alice = toUsername('alice');
  fc.assert(
    fc.property(anyDocumentOf(alice), anyDocumentOf(alice), (a, b) => {
      const leaves = [a, b].map((document, index) => ({ rev: `${index + 1}-${'a'.repeat(32)}`, document }));
      for (const written of resolveConflict({ leaves })) {
        expect(verdict(written, ALICE)).toBe('accepted');
      }
    }),
  );
});

test('accepts every value that the gate accepts, and no others except in preferences, edits and version', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom(...Object.keys(good)), (value, key) => {
      const changed = { ...good, [key]: value };
      const isAccepted = verdict(changed, ALICE) === 'accepted';
      // Otherwise the database would reject a write that passed the device's validation, which it could not repair.
      if (isValidUserDocument(changed)) expect(isAccepted).toBe(true);
      if (isAccepted && key !== 'preferences' && key !== 'edits' && key !== 'version') {
        expect(isValidUserDocument(changed)).toBe(true);
      }
    }),
    { numRuns: 500 },
  );
});

test.each<[string, Writer, string]>([
  ['the user', ALICE, 'accepted'],
  ['the service', SERVICE, 'accepted'],
  ['an administrator', ADMIN, 'accepted'],
  ['another user', BOB, 'forbidden'],
  ['an anonymous writer', ANONYMOUS, 'unauthorized'],
  ['an anonymous writer with a role', { name: null, roles: ['registry_user'] }, 'unauthorized'],
  ['an account without a role', { name: 'alice', roles: [] }, 'forbidden'],
  ['an account with another role', { name: 'alice', roles: ['reader'] }, 'forbidden'],
  ['a user of the same name in other case', { name: 'ALICE', roles: ['registry_user'] }, 'forbidden'],
])("a user's document and its tombstone, written by %s: %s", (_, writer, expected) => {
  expect(verdict(good, writer)).toBe(expected);
  expect(verdict(tombstone, writer)).toBe(expected);
});

test('treats a malformed writer as anonymous', () => {
  for (const writer of [
    null,
    undefined,
    {},
    [],
    'alice',
    { name: ['alice'], roles: [] },
    { roles: ['registry_user'] },
  ]) {
    expect(verdict(good, writer)).toBe('unauthorized');
  }
  expect(verdict(good, { name: 'alice', roles: null })).toBe('forbidden');
  expect(verdict(good, { name: 'alice', roles: 'registry_user' })).toBe('forbidden');
});

test('ignores the old document, which may be forged, or missing after a compaction', () => {
  const olds = [null, undefined, good, tombstone, { ...good, username: 'bob' }, { _id: 'user_alice', admin: true }];
  for (const oldDoc of olds) {
    expect(verdict(good, ALICE, oldDoc)).toBe('accepted');
    expect(verdict(good, BOB, oldDoc)).toBe('forbidden');
    expect(verdict({ ...good, type: 'user' }, ALICE, oldDoc)).toBe('forbidden');
  }
});

test.each(['_revisions', '_rev', '_id', '_deleted'])('accepts a bare tombstone with or without %s', (key) => {
  const without = Object.fromEntries(
    Object.entries(tombstone).filter(([name]) => name !== key || name === '_id' || name === '_deleted'),
  );
  expect(verdict(without, ALICE)).toBe('accepted');
});

test.each(Object.keys(good).filter((key) => key !== '_id'))('rejects a tombstone with %s from any writer', (key) => {
  const body = Object.fromEntries(Object.entries(good).filter(([name]) => name === key));
  for (const writer of WRITERS) expect(verdict({ ...tombstone, ...body }, writer)).toBe('forbidden');
});

test('rejects a tombstone with a secret or an attachment', () => {
  expect(verdict({ ...tombstone, password: 'x' }, ALICE)).toBe('forbidden');
  expect(verdict({ ...tombstone, _attachments: {} }, ALICE)).toBe('forbidden');
  expect(verdict({ ...tombstone, _deleted: 'true' }, ALICE)).toBe('forbidden');
});

const bad: [string, object][] = [
  ['an unknown field', { admin: true }],
  ['roles', { roles: ['_admin'] }],
  ['a password', { password_hash: 'x' }],
  ['attachments', { _attachments: { 'a.txt': { stub: true } } }],
  ['an empty attachments member', { _attachments: {} }],
  ['another underscore member', { _access: ['alice'] }],
  ['a field named constructor', { constructor: 1 }],
  ['a field named __proto__', JSON.parse('{"__proto__":1}') as object],
  ['another type', { type: 'user' }],
  ['no type', { type: undefined }],
  ['version 0', { version: 0 }],
  ['a negative version', { version: -1 }],
  ['a fractional version', { version: 1.5 }],
  ['a version as text', { version: '1' }],
  ['an infinite version', { version: JSON.parse('1e400') as number }],
  ['a null version', { version: null }],
  ["another user's name", { username: 'bob' }],
  ['a name that is a list', { username: ['alice'] }],
  ['preferences as a list', { preferences: ['dark'] }],
  ['null preferences', { preferences: null }],
  ['preferences as text', { preferences: 'dark' }],
  ['a preference named __proto__', { preferences: JSON.parse('{"__proto__":{"a":1}}') as object }],
  ['a preference named _id', { preferences: { _id: 'user_bob' } }],
  ['a preference with an invalid name', { preferences: { 'a b': 1 } }],
  ['a preference with a long name', { preferences: { ['a'.repeat(65)]: 1 } }],
  ['edits as a list', { edits: [STAMP] }],
  ['null edits', { edits: null }],
  ['an edit with an invalid name', { edits: { $: STAMP } }],
  ['an edit that is a time', { edits: { theme: '2026-11-22T09:30:01.123Z' } }],
  ['an edit in a 13th month', { edits: { theme: '2026-13-22T09:30:01.123Z-0000-w7f3a' } }],
  ['an edit in upper case', { edits: { theme: STAMP.toUpperCase() } }],
  ['an edit with a trailing newline', { edits: { theme: `${STAMP}\n` } }],
  ['an edit that is a list', { edits: { theme: [STAMP] } }],
  ['a time of another zone', { created_at: '2026-11-22T09:30:01.123+01:00' }],
  ['a time as a number', { created_at: 0 }],
  ['a time without milliseconds', { updated_at: '2026-11-22T09:30:01Z' }],
  ['a 25th hour', { updated_at: '2026-11-22T25:30:01.123Z' }],
  ['no time', { updated_at: undefined }],
  ['too much text', { preferences: { selectedTags: ['a'.repeat(2_097_152)] } }],
  [
    'too much text in many edits',
    { edits: Object.fromEntries(Array.from({ length: 50_000 }, (_, n) => [`k${n}`, STAMP])) },
  ],
];

test.each(bad)('rejects a document with %s from any writer', (_, change) => {
  const document = Object.fromEntries([...Object.entries(good), ...Object.entries(change)]);
  for (const writer of WRITERS) expect(verdict(document, writer)).toBe('forbidden');
});

test('does not count a deep revision history towards the size limit', () => {
  const ids = Array.from({ length: 1000 }, (_, n) => n.toString(16).padStart(32, '0'));
  const large = { ...good, preferences: { selectedTags: ['a'.repeat(2_096_000)] } };
  expect(verdict({ ...large, _rev: `1000-${ids[0] ?? ''}`, _revisions: { start: 1000, ids } }, ALICE)).toBe('accepted');
});

test.each(['user_Alice', 'user_', 'user_al/ice', 'user_alice\n', `user_${'a'.repeat(256)}`, 'user_=61', 'user_a:b'])(
  'rejects a user document with the id %j, even from an administrator',
  (_id) => {
    const document = { ...good, _id, username: _id.slice('user_'.length) };
    for (const writer of WRITERS) expect(verdict(document, writer)).toBe('forbidden');
    // An invalid document can be deleted.
    expect(verdict({ ...tombstone, _id }, ADMIN)).toBe('accepted');
  },
);

test.each(['alice', 'users_alice', 'registry', 'User_alice', ' user_alice', '', 1, null, ['user_alice']])(
  'accepts a document with the id %j from administrators only',
  (_id) => {
    expect(verdict({ ...good, _id }, ADMIN)).toBe('accepted');
    expect(verdict({ ...good, _id }, ALICE)).toBe('forbidden');
    expect(verdict({ ...good, _id }, SERVICE)).toBe('forbidden');
    expect(verdict({ ...good, _id }, ANONYMOUS)).toBe('unauthorized');
    expect(verdict({ ...tombstone, _id }, ALICE)).toBe('forbidden');
  },
);

test('accepts design documents, which CouchDB itself restricts to administrators', () => {
  expect(verdict({ _id: '_design/registry', views: {} }, ADMIN)).toBe('accepted');
});

test('accepts what a document of the largest size grows to in conflicts, which the gate limits in bytes', () => {
  const large = { ...good, preferences: { selectedTags: ['a'.repeat(100_000)], language: { any: [null, 1e300] } } };
  for (const writer of WRITERS) expect(verdict(large, writer)).toBe('accepted');
});
