import fc from 'fast-check';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { z } from 'zod';
import { createPreferenceSchema, findNameViolation, type Values } from './preference-schema.ts';
import { preferencesStandardSchema } from './preferences-standard-schema.ts';

const strict = z.strictObject({
  density: z.enum(['cosy', 'compact']).optional(),
  volume: z.number().max(11).optional(),
  any: z.json().optional(),
});
const loose = z.object({ density: z.enum(['cosy', 'compact']).optional() });

/** A hand-written Standard Schema. */
const schemaOf = (validate: (value: Values) => unknown): StandardSchemaV1 => ({
  '~standard': { version: 1, vendor: 'test', validate: validate as StandardSchemaV1.Props['validate'] },
});

test.each([
  ['strict', strict],
  ['one that drops unknown keys', loose],
])('validates each preference by the application’s schema: %s', (_name, schema) => {
  const { findViolation } = createPreferenceSchema(schema);
  expect(findViolation('density', 'cosy')).toBeUndefined();
  expect(findViolation('density', 'airy')).toMatchObject({ path: ['density'] });
  expect(findViolation('theme', 'dark')).toMatchObject({ path: ['theme'] });
  for (const value of [null, undefined]) expect(findViolation('density', value)).toMatchObject({ path: ['density'] });
});

test('reports the path of the member and what is expected', () => {
  const { findViolation } = createPreferenceSchema(preferencesStandardSchema);
  expect(findViolation('theme', 'pink')).toEqual({ path: ['theme'], message: 'must be one of light, dark, system' });
  expect(findViolation('filterPresets', [{ name: 'a' }, { name: 'b', selectedTags: ['a', 7] }])).toEqual({
    path: ['filterPresets', '1', 'selectedTags', '1'],
    message: 'must be 1 to 40 printable characters',
  });
  expect(findViolation('volume', 3)).toEqual({ path: ['volume'], message: 'is not known' });
  expect(createPreferenceSchema(strict).findViolation('volume', 12)).toEqual({
    path: ['volume'],
    message: expect.stringMatching(/^is not valid: .*11/) as string,
  });
});

test('no schema can allow what must not be stored', () => {
  const { findViolation } = createPreferenceSchema(schemaOf((value) => ({ value })));
  expect(findViolation('any', { theme: ['dark', 1, null] })).toBeUndefined();
  expect(findViolation('any', { password: 'x' })).toMatchObject({ path: ['any', 'password'] });
  expect(findViolation('apiToken', 'x')).toMatchObject({
    path: ['apiToken'],
    message: expect.stringMatching(/secret/) as string,
  });
  for (const name of ['', '__proto__', '_id', '7', 'a b', 'a'.repeat(65), 'ä']) {
    expect(findViolation(name, 1)).toEqual({ path: [name], message: 'is not known' });
    expect(findNameViolation(name)).toEqual({ path: [name], message: 'is not known' });
  }
  expect(findNameViolation('theme')).toBeUndefined();
});

test.each<[string, StandardSchemaV1]>([
  [
    'throws',
    schemaOf(() => {
      throw new Error('no');
    }),
  ],
  ['is asynchronous', schemaOf((value) => Promise.resolve({ value }))],
  ['is asynchronous and rejects', schemaOf(() => Promise.reject(new Error('no')))],
  [
    'refines asynchronously',
    z.strictObject({
      a: z
        .string()
        .refine(() => Promise.resolve(true))
        .optional(),
    }),
  ],
  [
    'transforms',
    z.strictObject({
      a: z
        .string()
        .transform(() => 7)
        .optional(),
    }),
  ],
  ['trims', z.strictObject({ a: z.string().trim().optional() })],
  ['returns no object', schemaOf(() => ({ value: undefined }))],
  ['returns nothing', schemaOf(() => undefined)],
  ['returns a big integer', schemaOf(() => ({ value: { a: 7n } }))],
])('a schema that %s rejects the value, and reports the error', (_name, schema) => {
  const errors: string[] = [];
  const { findViolation, pickKnown } = createPreferenceSchema(schema, (sentence) => errors.push(sentence));
  expect(findViolation('a', ' x ')).toEqual({
    path: ['a'],
    message: expect.stringMatching(/^cannot be checked/) as string,
  });
  expect(errors).toEqual([expect.stringMatching(/^The schema of the preference a .*\.$/)]);
  expect(pickKnown({ a: ' x ' })).toEqual({});
});

test('a value that the schema leaves as it is, is accepted', () => {
  const { findViolation } = createPreferenceSchema(
    z.strictObject({ a: z.string().trim().optional(), o: loose.optional() }),
  );
  expect(findViolation('a', 'x')).toBeUndefined();
  expect(findViolation('o', { density: 'cosy' })).toBeUndefined();
  expect(findViolation('o', { density: 'cosy', b: 1 })).toMatchObject({ path: ['o'] });
});

test('pickKnown omits invalid and unknown preferences of another version of the application, and keeps the others', () => {
  const { pickKnown } = createPreferenceSchema(strict);
  expect(pickKnown({ density: 'cosy', volume: 3 })).toEqual({ density: 'cosy', volume: 3 });
  expect(pickKnown({ density: 'airy', volume: 3, language: 'de', any: { pin: 1 }, apiToken: 'x' })).toEqual({
    volume: 3,
  });
});

test('accepts any JSON without an error, and pickKnown is idempotent', () => {
  for (const schema of [strict, loose, preferencesStandardSchema]) {
    const { pickKnown } = createPreferenceSchema(schema);
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (preferences) => {
        const shown = pickKnown(preferences);
        expect(pickKnown(shown)).toEqual(shown);
        expect(Object.keys(preferences)).toEqual(expect.arrayContaining(Object.keys(shown)));
      }),
    );
  }
});
