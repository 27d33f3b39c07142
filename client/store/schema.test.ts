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

/** A hand-written Standard Schema. */
const schemaOf = (validate: (value: unknown) => unknown): StandardSchemaV1 => ({
  '~standard': { version: 1, vendor: 'test', validate: validate as StandardSchemaV1.Props['validate'] },
});

test.each([
  ['zod, strict', strict],
  ['zod, which drops unknown keys', loose],
])('validates a patch by the application’s own schema: %s', (_name, schema) => {
  const { parsePatch } = createStoreSchema(schema);
  expect(parsePatch({ density: 'cosy' })).toEqual({ density: 'cosy' });
  expect(parsePatch({ density: null })).toEqual({ density: null });
  expect(parsePatch({ density: undefined })).toEqual({ density: null });
  expect(() => parsePatch({ density: 'airy' })).toThrow(RangeError);
  expect(() => parsePatch({ theme: 'dark' })).toThrow(RangeError);
  expect(() => parsePatch({ density: 'cosy', theme: 'dark' })).toThrow(/theme/);
});

test('rejects a key that the server cannot store, even if the schema accepts it', () => {
  const { parsePatch } = createStoreSchema(schemaOf((value) => ({ value })));
  for (const key of ['', '__proto__', '_id', '7', 'a b', 'a'.repeat(65)]) {
    expect(() => parsePatch(Object.fromEntries([[key, 1]]))).toThrow('is not known');
    expect(() => parsePatch(Object.fromEntries([[key, null]]))).toThrow(RangeError);
  }
});

test('stores the output value of the schema', () => {
  const trimmed = z.strictObject({ name: z.string().trim().optional() });
  expect(createStoreSchema(trimmed).parsePatch({ name: ' a ' })).toEqual({ name: 'a' });
});

test('pickKnown omits invalid and unknown preferences of another application version, and keeps the others', () => {
  const { pickKnown } = createStoreSchema(strict);
  expect(pickKnown({ density: 'cosy', volume: 3 })).toEqual({ density: 'cosy', volume: 3 });
  expect(pickKnown({ density: 'airy', volume: 3, language: 'de' })).toEqual({ volume: 3 });
});

test('pickKnown accepts any JSON without an error, and is idempotent', () => {
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
  expect(() => createStoreSchema(z.strictObject({ density: z.string() }))).toThrow('accepts {}');
  expect(() => createStoreSchema(schemaOf((value) => Promise.resolve({ value })))).toThrow('synchronous');
});
