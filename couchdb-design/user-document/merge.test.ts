import fc from 'fast-check';
import { anyDocumentOf, anyPatch, anyStamp, PREFERENCE_KEYS, toUsername } from '../testing/arbitraries.ts';
import { canonicalJson } from './canonical-json.ts';
import { latestEditStamp } from './edit-stamp.ts';
import { applyEdit, merge } from './merge.ts';
import { newUserDocument, type UserDocument } from './user-document.ts';
import { isValidUserDocument } from '../testing/valid-document.ts';

const alice = toUsername('alice');
const anyDocument = anyDocumentOf(alice);
const serialize = (document: UserDocument): string => JSON.stringify(document);
const fresh = newUserDocument(alice, new Date(0));
const EARLY = '2026-11-22T09:30:01.123Z-0000-aaaaa';
const LATE = '2026-11-22T09:30:01.123Z-0000-zzzzz';

test('merge is commutative, to the byte', () => {
  fc.assert(fc.property(anyDocument, anyDocument, (a, b) => serialize(merge([a, b])) === serialize(merge([b, a]))));
});

test('merge is associative, to the byte', () => {
  fc.assert(
    fc.property(anyDocument, anyDocument, anyDocument, (a, b, c) => {
      const all = serialize(merge([a, b, c]));
      expect(serialize(merge([merge([a, b]), c]))).toBe(all);
      expect(serialize(merge([a, merge([b, c])]))).toBe(all);
    }),
  );
});

test('merge is idempotent, and the merge of one document is equal to it', () => {
  fc.assert(
    fc.property(anyDocument, (a) => {
      expect(serialize(merge([a, a]))).toBe(serialize(merge([a])));
      expect(serialize(merge([merge([a])]))).toBe(serialize(merge([a])));
      expect(canonicalJson(merge([a]))).toBe(canonicalJson(a));
    }),
  );
});

test('merge keeps the greatest stamp of each preference, with its value', () => {
  fc.assert(
    fc.property(fc.tuple(anyDocument, anyDocument, anyDocument), (leaves) => {
      const merged = merge(leaves);
      for (const key of PREFERENCE_KEYS) {
        const greatest = latestEditStamp(leaves.flatMap((leaf) => leaf.edits[key] ?? []));
        expect(merged.edits[key]).toBe(greatest);
        const candidates = leaves.filter((leaf) => leaf.edits[key] === greatest).map((leaf) => leaf.preferences[key]);
        const texts = candidates.map((value) => (value === undefined ? '' : canonicalJson(value))).sort();
        const value = merged.preferences[key];
        expect(value === undefined ? '' : canonicalJson(value)).toBe(texts.at(-1));
      }
    }),
  );
});

test('a merge of valid documents is valid', () => {
  fc.assert(
    fc.property(anyDocument, anyDocument, (a, b) => {
      expect(isValidUserDocument(merge([a, b]))).toBe(true);
    }),
  );
});

test('a merge has the earliest creation time and the latest update time of its leaves', () => {
  fc.assert(
    fc.property(anyDocument, anyDocument, (a, b) => {
      const { created_at, updated_at } = merge([a, b]);
      expect([created_at, updated_at]).toEqual([
        [a.created_at, b.created_at].sort()[0],
        [a.updated_at, b.updated_at].sort()[1],
      ]);
    }),
  );
});

test('merge keeps edits of different preferences', () => {
  const left = applyEdit(fresh, { theme: 'dark' }, EARLY);
  const right = applyEdit(fresh, { viewMode: 'graph' }, LATE);
  expect(merge([left, right]).preferences).toEqual({ theme: 'dark', viewMode: 'graph' });
});

test('merge keeps the later of two edits of one preference, even a removal', () => {
  const set = applyEdit(fresh, { theme: 'dark' }, EARLY);
  const removed = applyEdit(set, { theme: null }, LATE);
  expect(merge([set, removed])).toMatchObject({ preferences: {}, edits: { theme: LATE } });
  const setAgain = applyEdit(fresh, { theme: 'light' }, LATE.replace('0000', '0001'));
  expect(merge([removed, setAgain]).preferences).toEqual({ theme: 'light' });
});

test('a merge shares nothing with its leaves', () => {
  const leaf = applyEdit(fresh, { selectedTags: ['a'] }, EARLY);
  expect(merge([leaf]).preferences.selectedTags).not.toBe(leaf.preferences.selectedTags);
});

test('applying an edit equals a merge with a document of that edit alone', () => {
  fc.assert(
    fc.property(anyDocument, anyPatch, anyStamp, (document, patch, stamp) => {
      const edited = applyEdit(document, patch, stamp);
      const editOnly = applyEdit({ ...document, preferences: {}, edits: {} }, patch, stamp);
      expect(edited.preferences).toEqual(merge([document, editOnly]).preferences);
      expect(edited.edits).toEqual(merge([document, editOnly]).edits);
      expect(isValidUserDocument(edited)).toBe(true);
    }),
  );
});

test('an edit newer than the document sets all its preferences and no others', () => {
  fc.assert(
    fc.property(anyDocument, anyPatch, (document, patch) => {
      const stamp = '9998-12-31T23:59:59.999Z-ffff-zzzzz';
      const { preferences } = applyEdit(document, patch, stamp);
      const expected = Object.entries<unknown>({ ...document.preferences, ...patch }).filter(
        ([, value]) => value !== null,
      );
      expect(preferences).toEqual(Object.fromEntries(expected));
    }),
  );
});

test('an edit older than the stored one changes nothing, not even the update time', () => {
  const document = applyEdit(fresh, { theme: 'dark' }, LATE);
  expect(applyEdit(document, { theme: 'light' }, '2027-01-01T00:00:00.000Z-0000-aaaaa').preferences.theme).toBe(
    'light',
  );
  expect(applyEdit(document, { theme: 'light' }, EARLY)).toEqual(document);
  expect(applyEdit(document, {}, '2027-01-01T00:00:00.000Z-0000-aaaaa')).toEqual(document);
});

test('an edit sets the update time to its own', () => {
  expect(applyEdit(fresh, { theme: 'dark' }, EARLY).updated_at).toBe('2026-11-22T09:30:01.123Z');
});

test('null and undefined both remove a preference, and the removal of an unset one is stored', () => {
  const document = applyEdit(fresh, { theme: 'dark', viewMode: 'graph' }, EARLY);
  const removed = applyEdit(document, { theme: null, viewMode: undefined, timezone: null }, LATE);
  expect(removed.preferences).toEqual({});
  expect(removed.edits).toEqual({ theme: LATE, viewMode: LATE, timezone: LATE });
});

test('applyEdit throws a RangeError on a malformed stamp', () => {
  expect(() => applyEdit(fresh, { theme: 'dark' }, 'now')).toThrow(RangeError);
});

test('a key named __proto__ is an ordinary key, which is not valid', () => {
  const patch = JSON.parse('{"__proto__":{"theme":"dark"}}') as object;
  const edited = applyEdit(fresh, patch, EARLY);
  expect(Object.getPrototypeOf(edited.preferences)).toBe(Object.prototype);
  expect(edited.preferences.theme).toBeUndefined();
  expect(isValidUserDocument(edited)).toBe(false);
});

test('a malformed stamp is no stamp: any edit wins over it, on every device', () => {
  for (const stamp of ['9999-12-31T23:59:59.999Z-ffff-zzzzz', 'zzz', '2026-13-01', 7, null]) {
    const pinned = { ...fresh, preferences: { theme: 'dark' }, edits: { theme: stamp } } as unknown as UserDocument;
    const edited = applyEdit(pinned, { theme: 'light' }, EARLY);
    expect(edited).toMatchObject({ preferences: { theme: 'light' }, edits: { theme: EARLY } });
    expect(merge([pinned, edited])).toEqual(edited);
    expect(merge([edited, pinned])).toEqual(edited);
    expect(merge([pinned, pinned])).toMatchObject({ preferences: { theme: 'dark' }, edits: {} });
  }
});
