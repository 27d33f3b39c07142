import fc from 'fast-check';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { z } from 'zod';
import { preferencesStandardSchema } from '../../couchdb-design/user-document/preferences-standard-schema.ts';
import { createStoreSchema } from './schema.ts';

const strict = z.strictObject({
  density: z.enum(['cosy', 'compact']).optional(),
  volume: z.number().max(11).optional(),
});
const loose = z.object({ density: z.enum(['cosy', 'compact']).optional() });

/** A schema by hand, as any validator may be one. */
const schemaOf = (validate: (value: unknown) => unknown): StandardSchemaV1 => ({
  '~standard': { version: 1, vendor: 'test', validate: validate as StandardSchemaV1.Props['validate'] },
});

test.each([
  ['zod, strict', strict],
  ['zod, which drops what it does not know', loose],
])('a patch is checked by the application’s own schema: %s', (_name, schema) => {
  const { parsePatch } = createStoreSchema(schema);
  expect(parsePatch({ density: 'cosy' })).toEqual({ density: 'cosy' });
  expect(parsePatch({ density: null })).toEqual({ density: null });
  expect(parsePatch({ density: undefined })).toEqual({ density: null });
  expect(() => parsePatch({ density: 'airy' })).toThrow(RangeError);
  expect(() => parsePatch({ theme: 'dark' })).toThrow(RangeError);
  expect(() => parsePatch({ density: 'cosy', theme: 'dark' })).toThrow(/theme/);
});

test('a name that the server could not keep is refused, whatever the schema says', () => {
  const { parsePatch } = createStoreSchema(schemaOf((value) => ({ value })));
  for (const key of ['', '__proto__', '_id', '7', 'a b', 'a'.repeat(65)]) {
    expect(() => parsePatch(Object.fromEntries([[key, 1]]))).toThrow('is not known');
    expect(() => parsePatch(Object.fromEntries([[key, null]]))).toThrow(RangeError);
  }
});

test('what the schema makes of a value is what is stored', () => {
  const trimmed = z.strictObject({ name: z.string().trim().optional() });
  expect(createStoreSchema(trimmed).parsePatch({ name: ' a ' })).toEqual({ name: 'a' });
});

test('what another version of the application stored is left out, and the rest is there', () => {
  const { pickKnown } = createStoreSchema(strict);
  expect(pickKnown({ density: 'cosy', volume: 3 })).toEqual({ density: 'cosy', volume: 3 });
  expect(pickKnown({ density: 'airy', volume: 3, language: 'de' })).toEqual({ volume: 3 });
});

test('any JSON at all in the preferences is known or not, without an error', () => {
  for (const schema of [strict, loose, preferencesStandardSchema]) {
    const { pickKnown } = createStoreSchema(schema);
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (preferences) => {
        const shown = pickKnown(preferences);
        expect(pickKnown(shown)).toEqual(shown);
        expect(Object.keys(preferences)).toEqual(expect.arrayContaining(Object.keys(shown)));
      }),
    );
  }
});

test('throws at creation when the schema cannot validate a single preference or is asynchronous', () => {
  expect(() => createStoreSchema(z.strictObject({ density: z.string() }))).toThrow('must accept {}');
  expect(() => createStoreSchema(schemaOf((value) => Promise.resolve({ value })))).toThrow('must be synchronous');
});
