import fc from 'fast-check';
import { z } from 'zod';
import { anyDocumentOf, anyPatch, anyStamp, toUsername } from '../testing/arbitraries.ts';
import {
  changedKeys,
  documentBytes,
  findPatchViolations,
  findWriteViolation,
  MAX_DOCUMENT_BYTES,
} from './document-changes.ts';
import { latestEditStamp, nextEditStamp } from './edit-stamp.ts';
import { applyEdit, merge } from './merge.ts';
import { createPreferenceSchema, type Values } from './preference-schema.ts';
import { preferencesStandardSchema } from './preferences-standard-schema.ts';
import { newUserDocument, type UserDocument } from './user-document-shape.ts';

const alice = toUsername('alice');
const fresh = newUserDocument<Values>(alice, new Date(0));
const builtIn = createPreferenceSchema(preferencesStandardSchema);
const custom = createPreferenceSchema(z.strictObject({ text: z.string().optional(), any: z.json().optional() }));
const STAMP = '2026-11-22T09:30:01.123Z-0000-w7f3a';
const documentWith = (members: Partial<UserDocument<Values>>): UserDocument<Values> => ({ ...fresh, ...members });
const check = (before: UserDocument<Values> | undefined, after: UserDocument<Values>, schema = builtIn) =>
  findWriteViolation({ before, after, schema });

/** Documents with unknown keys, invalid values, secrets, and stamps of any time beside valid ones. */
const anyOldDocument = fc
  .record({
    document: anyDocumentOf(alice),
    values: fc.dictionary(fc.constantFrom('language', 'theme', 'apiToken', 'any', 'timezone'), fc.jsonValue()),
    stamps: fc.dictionary(
      fc.constantFrom('language', 'theme', 'apiToken'),
      fc.oneof(anyStamp, fc.constant('9700-01-01T00:00:00.000Z-ffff-zzzzz')),
    ),
  })
  .map(({ document, values, stamps }) =>
    documentWith({
      ...document,
      preferences: { ...document.preferences, ...values },
      edits: { ...document.edits, ...stamps },
    }),
  );

test('whatever a document already has, every valid edit of any preference is accepted', () => {
  fc.assert(
    fc.property(anyOldDocument, anyPatch, fc.double({ noNaN: true }), (before, patch, now) => {
      const stamp = nextEditStamp({ now, device: 'w7f3a', seen: latestEditStamp(Object.values(before.edits)) });
      const after = applyEdit(before, patch, stamp);
      expect(check(before, after)).toBeUndefined();
      for (const key of Object.keys(patch)) expect(after.edits[key]).toBe(stamp);
    }),
  );
});

test('a write that changes nothing, or only removes, is always accepted', () => {
  fc.assert(
    fc.property(anyOldDocument, (before) => {
      expect(changedKeys(before, before)).toEqual([]);
      expect(check(before, before)).toBeUndefined();
      expect(check(before, { ...before, preferences: {} })).toBeUndefined();
      expect(check(before, { ...before, edits: {} })).toBeUndefined();
      expect(check(before, fresh)).toBeUndefined();
    }),
  );
});

test('a merge with a valid edit of another device is accepted by the document of either', () => {
  fc.assert(
    fc.property(anyOldDocument, anyPatch, anyStamp, (before, patch, stamp) => {
      const device = applyEdit(before, patch, stamp);
      expect(check(before, merge([before, device]))).toBeUndefined();
    }),
  );
});

test('lists the keys whose value or stamp differs', () => {
  const before = documentWith({ preferences: { a: 1, b: { x: 1, y: 2 }, c: 1 }, edits: { a: STAMP, c: STAMP } });
  const after = documentWith({ preferences: { a: 1, b: { y: 2, x: 1 }, c: 2 }, edits: { c: STAMP, d: STAMP } });
  expect([...changedKeys(before, after)].sort()).toEqual(['a', 'c', 'd']);
  expect([...changedKeys(undefined, before)].sort()).toEqual(['a', 'b', 'c']);
});

test('a new value must satisfy the schema, a stored one need not', () => {
  const before = documentWith({ preferences: { theme: 'drak', language: 'de' } });
  expect(
    check(before, documentWith({ preferences: { theme: 'drak', language: 'de', viewMode: 'graph' } })),
  ).toBeUndefined();
  expect(check(before, documentWith({ preferences: { theme: 'pink', language: 'de' } }))).toMatchObject({
    path: ['theme'],
  });
  expect(check(before, documentWith({ preferences: { language: 'fr' } }))).toMatchObject({ path: ['language'] });
  expect(check(undefined, before)).toMatchObject({ path: ['theme'] });
});

test('the removal of a preference may be new, under any name that a preference may have', () => {
  expect(check(fresh, documentWith({ edits: { theme: STAMP, formerly: STAMP } }))).toBeUndefined();
  expect(check(fresh, documentWith({ edits: { apiToken: STAMP } }))).toMatchObject({ path: ['apiToken'] });
  expect(
    check(documentWith({ edits: { apiToken: STAMP } }), documentWith({ edits: { apiToken: STAMP } })),
  ).toBeUndefined();
});

test('a new stamp is before the year 9000, or at most a second after the greatest stored one', () => {
  const edit = (stamp: string) => documentWith({ preferences: { theme: 'dark' }, edits: { theme: stamp } });
  const stored = documentWith({ edits: { viewMode: '9700-01-01T00:00:00.000Z-0000-zzzzz' } });
  const onStored = (stamp: string) => documentWith({ ...edit(stamp), edits: { ...stored.edits, theme: stamp } });
  expect(check(fresh, edit('8999-12-31T23:59:59.999Z-ffff-zzzzz'))).toBeUndefined();
  expect(check(fresh, edit('9000-01-02T00:00:00.000Z-0000-aaaaa'))).toMatchObject({ path: ['edits', 'theme'] });
  expect(check(stored, onStored('9700-01-01T00:00:01.000Z-0000-aaaaa'))).toBeUndefined();
  expect(check(stored, onStored('9700-01-01T00:00:01.001Z-0000-aaaaa'))).toMatchObject({ path: ['edits', 'theme'] });
});

test('the size is that of the document after the write, in bytes of UTF-8, and may not grow beyond the limit', () => {
  const withText = (text: string) => documentWith({ preferences: { text } });
  const overhead = documentBytes(withText(''));
  const largest = withText('a'.repeat(MAX_DOCUMENT_BYTES - overhead));
  expect(documentBytes(largest)).toBe(MAX_DOCUMENT_BYTES);
  expect(check(fresh, largest, custom)).toBeUndefined();
  const tooLarge = withText(`${String(largest.preferences['text'])}a`);
  expect(check(fresh, tooLarge, custom)).toEqual({
    path: [],
    message: `would have ${MAX_DOCUMENT_BYTES + 1} bytes; at most ${MAX_DOCUMENT_BYTES} are accepted`,
  });
  // A document that is too large for another reason can still be edited, without growing.
  const replaced = withText(`b${String(largest.preferences['text'])}`);
  expect(check(tooLarge, replaced, custom)).toBeUndefined();
  expect(check(tooLarge, documentWith({ preferences: { ...tooLarge.preferences, any: 1 } }), custom)).toMatchObject({
    path: [],
  });
  const small = documentWith({ preferences: { ...largest.preferences, any: 1 } });
  expect(check(small, documentWith({ ...largest, edits: { any: STAMP } }), custom)).toBeUndefined();
  expect(check(largest, documentWith({ ...largest, edits: { any: STAMP } }), custom)).toMatchObject({ path: [] });
  expect(documentBytes(withText('😀日é'))).toBe(overhead + 9);
});

test('the values of an edit are checked one by one, for any JavaScript values', () => {
  const stored = documentWith({ preferences: { theme: 'drak', language: 'de' }, edits: { apiToken: STAMP } });
  const patch = {
    theme: 'drak',
    viewMode: 'list',
    apiToken: null,
    language: null,
    colour: undefined,
    recapTime: 7n,
    pin: null,
  };
  expect(findPatchViolations(stored, patch, builtIn).map(({ path }) => path)).toEqual([
    ['viewMode'],
    ['recapTime'],
    ['pin'],
  ]);
  expect(findPatchViolations(undefined, { theme: 'drak' }, builtIn)).toHaveLength(1);
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.anything({ withBigInt: true, withDate: true })), (any) => {
      expect(findPatchViolations(stored, any, builtIn)).toBeInstanceOf(Array);
    }),
  );
});
