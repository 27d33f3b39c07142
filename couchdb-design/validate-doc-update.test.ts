import fc from 'fast-check';
import { anyDocumentOf, anyPatch, anyStamp, anyUsername, toUsername } from './testing/arbitraries.ts';
import { designFunction } from './testing/design-files.ts';
import { applyEdit } from './user-document/merge.ts';
import { resolveConflict } from './user-document/revisions.ts';
import { newUserDocument, userDocumentSchema } from './user-document/user-document.ts';

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
const EVERYBODY = { ALICE, SERVICE, ADMIN };

const REV = `2-${'a'.repeat(32)}`;
const REVISIONS = { start: 2, ids: ['a'.repeat(32), 'b'.repeat(32)] };
const STAMP = '2026-11-22T09:30:01.123Z-0000-w7f3a';
const good = {
  ...newUserDocument(toUsername('alice'), new Date(Date.UTC(2026, 10, 22))),
  preferences: { theme: 'dark' },
  edits: { theme: STAMP },
};
const tombstone = { _id: 'user_alice', _rev: REV, _revisions: REVISIONS, _deleted: true };

/** 'taken', or the kind of refusal. A refusal without a sentence, or any other error, fails the test. */
const verdict = (newDoc: unknown, writer: unknown, oldDoc: unknown = null): string => {
  try {
    validate(newDoc, oldDoc, writer, { admins: {}, members: {} });
    return 'taken';
  } catch (error) {
    const [[kind, sentence] = []] = Object.entries(error as object);
    expect(sentence).toMatch(/^.{10,200}\.$/s);
    return String(kind);
  }
};

test('every document that we make is taken from its user, from the service and from an administrator', () => {
  fc.assert(
    fc.property(
      anyUsername.chain((name) => fc.tuple(fc.constant(name), anyDocumentOf(name))),
      anyPatch,
      anyStamp,
      ([name, any], patch, stamp) => {
        const first = newUserDocument(name, new Date(0));
        for (const document of [first, any, applyEdit(first, patch, stamp), applyEdit(any, patch, stamp)]) {
          for (const writer of [{ name, roles: ['registry_user'] }, SERVICE, ADMIN]) {
            expect(verdict({ ...document, _rev: REV, _revisions: REVISIONS }, writer)).toBe('taken');
          }
        }
      },
    ),
  );
});

test('every resolution of a conflict is taken from its user', () => {
  const alice = toUsername('alice');
  fc.assert(
    fc.property(anyDocumentOf(alice), anyDocumentOf(alice), (a, b) => {
      const leaves = [a, b].map((document, index) => ({ rev: `${index + 1}-${'a'.repeat(32)}`, document }));
      for (const written of resolveConflict({ leaves })) {
        expect(verdict(written, ALICE)).toBe('taken');
      }
    }),
  );
});

test('what is taken of JSON at large is nothing that could be read as more than it is', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom(...Object.keys(good)), (value, key) => {
      const changed = { ...good, [key]: value };
      const taken = verdict(changed, ALICE) === 'taken';
      // Whatever the schema takes the database takes too, or a device would be told of a refusal that it cannot mend.
      if (userDocumentSchema.safeParse(changed).success) expect(taken).toBe(true);
      if (taken && key !== 'preferences' && key !== 'edits' && key !== 'version') {
        expect(userDocumentSchema.safeParse(changed).success).toBe(true);
      }
    }),
    { numRuns: 500 },
  );
});

test.each<[string, Writer, string]>([
  ['the user', ALICE, 'taken'],
  ['the service', SERVICE, 'taken'],
  ['an administrator', ADMIN, 'taken'],
  ['another user', BOB, 'forbidden'],
  ['nobody', ANONYMOUS, 'unauthorized'],
  ['nobody, with a role', { name: null, roles: ['registry_user'] }, 'unauthorized'],
  ['an account without a role', { name: 'alice', roles: [] }, 'forbidden'],
  ['an account with another role', { name: 'alice', roles: ['reader'] }, 'forbidden'],
  ['a user of the same name in other case', { name: 'ALICE', roles: ['registry_user'] }, 'forbidden'],
])("a user's document and its end, written by %s: %s", (_, writer, expected) => {
  expect(verdict(good, writer)).toBe(expected);
  expect(verdict(tombstone, writer)).toBe(expected);
});

test('a writer that is malformed is nobody', () => {
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

test('the old document changes no verdict: it may be forged, or gone after a compaction', () => {
  const olds = [null, undefined, good, tombstone, { ...good, username: 'bob' }, { _id: 'user_alice', admin: true }];
  for (const oldDoc of olds) {
    expect(verdict(good, ALICE, oldDoc)).toBe('taken');
    expect(verdict(good, BOB, oldDoc)).toBe('forbidden');
    expect(verdict({ ...good, type: 'user' }, ALICE, oldDoc)).toBe('forbidden');
  }
});

test.each(['_revisions', '_rev', '_id', '_deleted'])('a bare tombstone may have or lack %s as CouchDB likes', (key) => {
  const without = Object.fromEntries(
    Object.entries(tombstone).filter(([one]) => one !== key || one === '_id' || one === '_deleted'),
  );
  expect(verdict(without, ALICE)).toBe('taken');
});

test.each(Object.keys(good).filter((key) => key !== '_id'))(
  'a tombstone with %s is refused, whoever writes it',
  (key) => {
    const body = Object.fromEntries(Object.entries(good).filter(([one]) => one === key));
    for (const writer of Object.values(EVERYBODY)) expect(verdict({ ...tombstone, ...body }, writer)).toBe('forbidden');
  },
);

test('a tombstone with a secret or an attachment is refused', () => {
  expect(verdict({ ...tombstone, password: 'x' }, ALICE)).toBe('forbidden');
  expect(verdict({ ...tombstone, _attachments: {} }, ALICE)).toBe('forbidden');
  expect(verdict({ ...tombstone, _deleted: 'true' }, ALICE)).toBe('forbidden');
});

const bad: [string, object][] = [
  ['a field that is not known', { admin: true }],
  ['roles', { roles: ['_admin'] }],
  ['a password', { password_hash: 'x' }],
  ['attachments', { _attachments: { 'a.txt': { stub: true } } }],
  ['no attachments, but the member', { _attachments: {} }],
  ['another underscore member', { _access: ['alice'] }],
  ['a field named constructor', { constructor: 1 }],
  ['a field named __proto__', JSON.parse('{"__proto__":1}') as object],
  ['another type', { type: 'user' }],
  ['no type', { type: undefined }],
  ['version 0', { version: 0 }],
  ['a negative version', { version: -1 }],
  ['half a version', { version: 1.5 }],
  ['a version as text', { version: '1' }],
  ['a version beyond numbers', { version: JSON.parse('1e400') as number }],
  ['a version that is none', { version: null }],
  ["another user's name", { username: 'bob' }],
  ['a name that is a list', { username: ['alice'] }],
  ['preferences as a list', { preferences: ['dark'] }],
  ['preferences that are null', { preferences: null }],
  ['preferences as text', { preferences: 'dark' }],
  ['a preference named __proto__', { preferences: JSON.parse('{"__proto__":{"a":1}}') as object }],
  ['a preference named _id', { preferences: { _id: 'user_bob' } }],
  ['a preference of an odd name', { preferences: { 'a b': 1 } }],
  ['a preference of a long name', { preferences: { ['a'.repeat(65)]: 1 } }],
  ['edits as a list', { edits: [STAMP] }],
  ['edits that are null', { edits: null }],
  ['an edit of an odd name', { edits: { $: STAMP } }],
  ['an edit that is a time', { edits: { theme: '2026-11-22T09:30:01.123Z' } }],
  ['an edit in a 13th month', { edits: { theme: '2026-13-22T09:30:01.123Z-0000-w7f3a' } }],
  ['an edit in other case', { edits: { theme: STAMP.toUpperCase() } }],
  ['an edit with a line after it', { edits: { theme: `${STAMP}\n` } }],
  ['an edit that is a list', { edits: { theme: [STAMP] } }],
  ['a time of another zone', { created_at: '2026-11-22T09:30:01.123+01:00' }],
  ['a time as a number', { created_at: 0 }],
  ['a time without milliseconds', { updated_at: '2026-11-22T09:30:01Z' }],
  ['a 25th hour', { updated_at: '2026-11-22T25:30:01.123Z' }],
  ['no time', { updated_at: undefined }],
  ['too much text', { preferences: { selectedTags: ['a'.repeat(65_536)] } }],
  [
    'too much text in many edits',
    { edits: Object.fromEntries(Array.from({ length: 1500 }, (_, n) => [`k${n}`, STAMP])) },
  ],
];

test.each(bad)('a document with %s is refused, whoever writes it', (_, change) => {
  const document = Object.fromEntries([...Object.entries(good), ...Object.entries(change)]);
  for (const writer of Object.values(EVERYBODY)) expect(verdict(document, writer)).toBe('forbidden');
});

test('a deep tree of revisions does not count as text', () => {
  const ids = Array.from({ length: 1000 }, (_, n) => n.toString(16).padStart(32, '0'));
  const large = { ...good, preferences: { selectedTags: ['a'.repeat(64_000)] } };
  expect(verdict({ ...large, _rev: `1000-${ids[0] ?? ''}`, _revisions: { start: 1000, ids } }, ALICE)).toBe('taken');
});

test.each(['user_Alice', 'user_', 'user_al/ice', 'user_alice\n', `user_${'a'.repeat(65)}`, 'user_-a'])(
  '%j is the id of no user document, not even for an administrator',
  (_id) => {
    const document = { ...good, _id, username: _id.slice('user_'.length) };
    for (const writer of Object.values(EVERYBODY)) expect(verdict(document, writer)).toBe('forbidden');
    // What should not be there can be removed.
    expect(verdict({ ...tombstone, _id }, ADMIN)).toBe('taken');
  },
);

test.each(['alice', 'users_alice', 'registry', 'User_alice', ' user_alice', '', 1, null, ['user_alice']])(
  'a document with the id %j is for administrators',
  (_id) => {
    expect(verdict({ ...good, _id }, ADMIN)).toBe('taken');
    expect(verdict({ ...good, _id }, ALICE)).toBe('forbidden');
    expect(verdict({ ...good, _id }, SERVICE)).toBe('forbidden');
    expect(verdict({ ...good, _id }, ANONYMOUS)).toBe('unauthorized');
    expect(verdict({ ...tombstone, _id }, ALICE)).toBe('forbidden');
  },
);

test('design documents are left to CouchDB, which takes them from administrators only', () => {
  expect(verdict({ _id: '_design/registry', views: {} }, ADMIN)).toBe('taken');
});
