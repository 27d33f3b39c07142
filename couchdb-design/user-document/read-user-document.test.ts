import fc from 'fast-check';
import { anyDocumentOf, anyPreferences, toUsername } from '../testing/arbitraries.ts';
import { newUserDocument, readUserDocument, userDocumentSchema } from './user-document.ts';

const alice = toUsername('alice');
const fresh = newUserDocument(alice, new Date(Date.UTC(2026, 10, 22)));
const REV = `3-${'a'.repeat(32)}`;

const reasonOf = (value: unknown): string => {
  const read = readUserDocument(value);
  return read.ok ? 'accepted' : read.reason;
};

test("reads a document of the current version unchanged, without CouchDB's members", () => {
  fc.assert(
    fc.property(anyDocumentOf(alice), (document) => {
      const stored = { ...document, _rev: REV, _revisions: { start: 3, ids: ['a'.repeat(32)] }, _conflicts: [REV] };
      expect(readUserDocument(stored)).toEqual({ ok: true, document });
    }),
  );
});

test('reads or rejects any value without throwing, with a sentence as the reason', () => {
  const any = fc.oneof(
    fc.anything(),
    fc.jsonValue(),
    fc.jsonValue().map((value) => ({ ...fresh, preferences: value })),
  );
  fc.assert(
    fc.property(any, (value) => {
      const read = readUserDocument(value);
      if (read.ok) expect(userDocumentSchema.parse(read.document)).toEqual(read.document);
      else expect(read.reason).toMatch(/^[A-Z].*\.$/s);
    }),
    { numRuns: 500 },
  );
});

test('migrates a document of version 0 with unstamped preferences, which are older than any edit', () => {
  fc.assert(
    fc.property(anyPreferences, (preferences) => {
      const old = {
        _id: 'user_alice',
        username: 'alice',
        preferences,
        created_at: '2025-01-02',
        updated_at: '2025-03-04T05:06:07Z',
      };
      expect(readUserDocument({ ...old, _rev: REV })).toEqual({
        ok: true,
        document: {
          ...fresh,
          preferences,
          created_at: '2025-01-02T00:00:00.000Z',
          updated_at: '2025-03-04T05:06:07.000Z',
        },
      });
    }),
  );
});

test('drops unknown and invalid members of a document of version 0', () => {
  const old: unknown = JSON.parse(
    `{"_id":"user_alice","username":"alice","password_hash":"x","roles":["_admin"],"__proto__":{"admin":true},
      "edits":{"theme":"9999-12-31T23:59:59.999Z-ffff-zzzzz"},
      "preferences":{"theme":"dark","viewMode":"list","token":"x","__proto__":{"theme":"light"}}}`,
  );
  const read = readUserDocument(old);
  expect(read).toEqual({
    ok: true,
    document: {
      ...fresh,
      preferences: { theme: 'dark' },
      created_at: '1970-01-01T00:00:00.000Z',
      updated_at: '1970-01-01T00:00:00.000Z',
    },
  });
  expect(read.ok && Object.getPrototypeOf(read.document.preferences)).toBe(Object.prototype);
});

test('migrates a document of version 0 independently of device and time', () => {
  const old = { _id: 'user_alice', username: 'alice', created_at: 'never', preferences: null };
  expect(JSON.stringify(readUserDocument(old))).toBe(JSON.stringify(readUserDocument({ ...old, _rev: REV })));
});

test('reading is idempotent', () => {
  const read = readUserDocument({ _id: 'user_alice', username: 'alice', preferences: { theme: 'dark' } });
  if (!read.ok) throw new Error(read.reason);
  expect(readUserDocument(read.document)).toEqual(read);
});

test('rejects a document of a newer version, and gives the version as the reason', () => {
  expect(reasonOf({ ...fresh, version: 2, somethingNew: true })).toMatch(/version 2, newer than this program can read/);
});

test.each<[string, unknown, RegExp]>([
  ['a deletion', { _id: 'user_alice', _rev: REV, _deleted: true }, /deleted/],
  ['attachments', { ...fresh, _attachments: {} }, /attachments/],
  ["another user's id", { ...fresh, _id: 'user_bob' }, /_id/],
  ["another user's id in version 0", { _id: 'user_bob', username: 'alice' }, /_id/],
  ['an invalid name', { _id: 'user_Alice', username: 'Alice' }, /username/],
  ['another type in version 0', { _id: 'user_alice', username: 'alice', type: 'user' }, /type/],
  ['an invalid version', { ...fresh, version: '1' }, /version/],
  ['a negative version', { ...fresh, version: -1 }, /version/],
  ['an unknown field', { ...fresh, password_hash: 'x' }, /password_hash/],
  ['a list', [fresh], /object/],
])('rejects %s with a matching reason', (_, value, reason) => {
  expect(reasonOf(value)).toMatch(reason);
});
