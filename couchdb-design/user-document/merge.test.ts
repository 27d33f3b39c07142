import fc from 'fast-check';
import { anyDocumentOf, anyPatch, anyStamp, PREFERENCE_KEYS, toUsername } from '../testing/arbitraries.ts';
import { canonicalJson } from './canonical-json.ts';
import { latestEditStamp } from './edit-stamp.ts';
import { applyEdit, merge } from './merge.ts';
import { newUserDocument, userDocumentSchema, type UserDocument } from './user-document.ts';

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

test('merge is idempotent, and of one document says what it says', () => {
  fc.assert(
    fc.property(anyDocument, (a) => {
      expect(serialize(merge([a, a]))).toBe(serialize(merge([a])));
      expect(serialize(merge([merge([a])]))).toBe(serialize(merge([a])));
      expect(canonicalJson(merge([a]))).toBe(canonicalJson(a));
    }),
  );
});

test('merge never loses the greater stamp, nor the value that it stands for', () => {
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

test('a merge of good documents is a good document', () => {
  fc.assert(
    fc.property(anyDocument, anyDocument, (a, b) => {
      expect(userDocumentSchema.parse(merge([a, b]))).toEqual(merge([a, b]));
    }),
  );
});

test('a merge was made first when its first was, and edited last when its last was', () => {
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

test('edits of different preferences are both kept', () => {
  const left = applyEdit(fresh, { theme: 'dark' }, EARLY);
  const right = applyEdit(fresh, { viewMode: 'graph' }, LATE);
  expect(merge([left, right]).preferences).toEqual({ theme: 'dark', viewMode: 'graph' });
});

test('of edits of one preference the later is kept, be it a removal', () => {
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

test('an edit is a merge with the document that holds it alone', () => {
  fc.assert(
    fc.property(anyDocument, anyPatch, anyStamp, (document, patch, stamp) => {
      const edited = applyEdit(document, patch, stamp);
      const alone = applyEdit({ ...document, preferences: {}, edits: {} }, patch, stamp);
      expect(edited.preferences).toEqual(merge([document, alone]).preferences);
      expect(edited.edits).toEqual(merge([document, alone]).edits);
      expect(userDocumentSchema.parse(edited)).toEqual(edited);
    }),
  );
});

test('an edit newer than the document takes effect wholly and changes nothing else', () => {
  fc.assert(
    fc.property(anyDocument, anyPatch, (document, patch) => {
      const stamp = '9999-12-31T23:59:59.999Z-ffff-zzzzz';
      const { preferences } = applyEdit(document, patch, stamp);
      const expected = Object.entries<unknown>({ ...document.preferences, ...patch }).filter(
        ([, value]) => value !== null,
      );
      expect(preferences).toEqual(Object.fromEntries(expected));
    }),
  );
});

test('an edit older than what the document has changes nothing, not even its time', () => {
  const document = applyEdit(fresh, { theme: 'dark' }, LATE);
  expect(applyEdit(document, { theme: 'light' }, '2027-01-01T00:00:00.000Z-0000-aaaaa').preferences.theme).toBe(
    'light',
  );
  expect(applyEdit(document, { theme: 'light' }, EARLY)).toEqual(document);
  expect(applyEdit(document, {}, '2027-01-01T00:00:00.000Z-0000-aaaaa')).toEqual(document);
});

test('an edit moves the time of the last edit to its own', () => {
  expect(applyEdit(fresh, { theme: 'dark' }, EARLY).updated_at).toBe('2026-11-22T09:30:01.123Z');
});

test('null and undefined remove alike, and a removal of what was never set is kept', () => {
  const document = applyEdit(fresh, { theme: 'dark', viewMode: 'graph' }, EARLY);
  const removed = applyEdit(document, { theme: null, viewMode: undefined, timezone: null }, LATE);
  expect(removed.preferences).toEqual({});
  expect(removed.edits).toEqual({ theme: LATE, viewMode: LATE, timezone: LATE });
});

test('an edit without a good stamp is refused', () => {
  expect(() => applyEdit(fresh, { theme: 'dark' }, 'now')).toThrow(RangeError);
});

test('a key named __proto__ is a key like any other, until a schema refuses it', () => {
  const patch = JSON.parse('{"__proto__":{"theme":"dark"}}') as object;
  const edited = applyEdit(fresh, patch, EARLY);
  expect(Object.getPrototypeOf(edited.preferences)).toBe(Object.prototype);
  expect(edited.preferences.theme).toBeUndefined();
  expect(userDocumentSchema.safeParse(edited).success).toBe(false);
});
