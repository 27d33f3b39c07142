import fc from 'fast-check';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { z } from 'zod';
import { documentBytes, MAX_DOCUMENT_BYTES } from '../../couchdb-design/user-document/document-changes.ts';
import {
  createPreferenceSchema,
  type PreferenceSchema,
  type Values,
} from '../../couchdb-design/user-document/preference-schema.ts';
import { preferencesStandardSchema } from '../../couchdb-design/user-document/preferences-standard-schema.ts';
import { emptyDocument } from '../testing/local-store.ts';
import { createEdits, type EditContext } from './create-edits.ts';
import { applyEdits, toRecord } from './edits.ts';
import type { LocalDocument } from './leaf.ts';

const builtIn = createPreferenceSchema(preferencesStandardSchema);
const strict = createPreferenceSchema(
  z.strictObject({ density: z.enum(['cosy', 'compact']).optional(), volume: z.number().max(11).optional() }),
);
const loose = createPreferenceSchema(z.object({ density: z.enum(['cosy', 'compact']).optional() }));
const anything: StandardSchemaV1 = {
  '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) },
};
const any = createPreferenceSchema(anything);
const NOW = Date.UTC(2026, 10, 22, 9, 30);
const context: EditContext = {
  document: emptyDocument,
  unsent: [],
  device: 'aaaaa',
  clock: { wall: NOW, monotonic: 5, origin: 1, offset: undefined },
};

const editsOf = (schema: PreferenceSchema, patch: Values, document = context.document) =>
  createEdits({ schema, defaults: {} }, patch, { ...context, document });
/** Returns the values that are stored for a patch. */
const parsePatch = (schema: PreferenceSchema, patch: Values): Values => toRecord(editsOf(schema, patch), 'value');

test.each([
  ['zod, strict', strict],
  ['zod, which drops unknown keys', loose],
])('validates a patch by the application’s own schema: %s', (_name, schema) => {
  const parse = (patch: Values): Values => parsePatch(schema, patch);
  expect(parse({ density: 'cosy' })).toEqual({ density: 'cosy' });
  expect(parse({ density: null })).toEqual({ density: null });
  expect(parse({ density: undefined })).toEqual({ density: null });
  expect(() => parse({ density: 'airy' })).toThrow(RangeError);
  expect(() => parse({ theme: 'dark' })).toThrow(RangeError);
  expect(() => parse({ density: 'cosy', theme: 'dark' })).toThrow(/theme/);
});

const nest = (depth: number): unknown => {
  let value: unknown = [];
  for (let level = 0; level < depth; level += 1) value = [value];
  return value;
};

test.each<[string, Values, string]>([
  ['a member of a value', { filterPresets: [{ name: 'a' }, { name: '' }] }, 'filterPresets.1.name must be 1 to 40'],
  ['a list item', { selectedTags: ['a', 7] }, 'selectedTags.1 must be'],
  ['an unknown key', { drak: true }, 'drak is not known'],
])('names %s and what is expected', (_name, patch, message) => {
  expect(() => parsePatch(builtIn, patch)).toThrow(RangeError);
  expect(() => parsePatch(builtIn, patch)).toThrow(message);
});

test.each<[string, Values, string]>([
  ['an unpaired surrogate', { a: { b: ['\ud800'] } }, 'a.b.0 must not contain an unpaired surrogate'],
  ['a number that is not finite', { a: [1, Infinity] }, 'a.1 must be a finite number'],
  ['a date', { a: { b: new Date() } }, 'a.b must be a JSON value'],
  ['a big integer', { a: 1n }, 'a must be a JSON value'],
  ['a member that is undefined', { a: { b: undefined } }, 'a.b must be a JSON value'],
  ['5,000 nested arrays', { a: nest(5_000) }, 'nested more than 16 levels deep'],
  ['a secret', { a: { password: 'x' } }, 'a.password looks like a secret'],
  ['a name that the server cannot store', { 'a b': 1 }, 'a b is not known'],
  ['the removal of a name that the server cannot store', { _id: null }, '_id is not known'],
])('rejects %s, whatever the schema accepts', (_name, patch, message) => {
  expect(() => parsePatch(any, patch)).toThrow(RangeError);
  expect(() => parsePatch(any, patch)).toThrow(message);
});

test('a schema that changes, awaits or throws rejects the value, and nothing is transformed', () => {
  const schemas = [
    z.strictObject({ name: z.string().trim().optional() }),
    z.strictObject({ name: z.string().optional() }).refine((value) => Promise.resolve(value.name === 'a')),
    {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: (value: Values) => {
          if ('name' in value) throw new Error('failed');
          return { value };
        },
      },
    } as StandardSchemaV1,
  ];
  for (const schema of schemas) {
    expect(() => parsePatch(createPreferenceSchema(schema), { name: ' a ' })).toThrow(RangeError);
  }
  expect(parsePatch(createPreferenceSchema(schemas[0] as StandardSchemaV1), { name: 'a' })).toEqual({ name: 'a' });
});

test('a value that the document already has is accepted, and so is the removal of what it has', () => {
  const document = { ...emptyDocument, preferences: { theme: 'sepia', drak: { pin: 1 } } } as unknown as LocalDocument;
  expect(editsOf(builtIn, { theme: 'sepia' }, document)).toMatchObject([{ value: 'sepia' }]);
  expect(editsOf(builtIn, { drak: null }, document)).toMatchObject([{ value: null }]);
  expect(() => editsOf(builtIn, { theme: 'sepia2', drak: { pin: 2 } }, document)).toThrow(
    /^theme must be one of .*; drak\.pin looks like a secret/,
  );
});

test('a text is measured in code points', () => {
  expect(parsePatch(builtIn, { selectedTags: ['😀'.repeat(40)] })).toEqual({ selectedTags: ['😀'.repeat(40)] });
  expect(() => parsePatch(builtIn, { selectedTags: ['😀'.repeat(41)] })).toThrow(RangeError);
});

const viewOf = (schema = any) => ({ schema, defaults: {} });
const sizeAfter = (values: Values, before = context): number =>
  documentBytes(applyEdits(before.document as LocalDocument, createEdits(viewOf(), values, before)));

test('the size of the document after the edit is limited, in bytes of UTF-8', () => {
  const envelope = sizeAfter({ a: '' });
  expect(sizeAfter({ a: 'x'.repeat(MAX_DOCUMENT_BYTES - envelope) })).toBe(MAX_DOCUMENT_BYTES);
  expect(() => sizeAfter({ a: 'x'.repeat(MAX_DOCUMENT_BYTES - envelope + 1) })).toThrow(RangeError);
  expect(() => sizeAfter({ a: 'ä'.repeat(MAX_DOCUMENT_BYTES / 2) })).toThrow(`at most ${MAX_DOCUMENT_BYTES}`);
  expect(() => sizeAfter({ a: 'x'.repeat(40_000), b: 'x'.repeat(40_000) })).toThrow(RangeError);
});

test('unsent edits count, and a document that is too large already may become smaller', () => {
  const stamp = '2026-11-22T09:00:00.000Z-0000-aaaaa';
  const unsent = [{ key: 'a', value: 'x'.repeat(40_000), stamp }];
  expect(() => createEdits(viewOf(), { b: 'x'.repeat(40_000) }, { ...context, unsent })).toThrow(RangeError);
  const document = { ...emptyDocument, preferences: { a: 'x'.repeat(90_000), b: true }, edits: { b: stamp } };
  const large = { ...context, document: document as LocalDocument };
  expect(sizeAfter({ a: 'x'.repeat(70_000) }, large)).toBeGreaterThan(MAX_DOCUMENT_BYTES);
  expect(() => sizeAfter({ b: false, a: 'x'.repeat(90_001) }, large)).toThrow(RangeError);
});

test('what the upgrade derives is stored with the next edit, if the schema and the size allow it', () => {
  const upgrade = (values: Values): Values => ({ theme: values['colour'], ...values });
  const stamp = '2026-11-22T09:00:00.000Z-0000-zzzzz';
  const edit = (colour: string, patch: Values, schema = any) =>
    toRecord(
      createEdits({ ...viewOf(schema), upgrade }, patch, {
        ...context,
        document: { ...emptyDocument, preferences: { colour }, edits: { colour: stamp } },
      }),
      'value',
    );
  expect(edit('dark', { density: 'cosy' })).toEqual({ theme: 'dark', density: 'cosy' });
  expect(edit('dark', { theme: 'light' })).toEqual({ theme: 'light' });
  expect(edit('dark', { theme: null })).toEqual({ theme: null });
  expect(edit('dark', { theme: 'system' }, builtIn)).toEqual({ theme: 'system' });
  expect(edit('purple', { viewMode: 'table' }, builtIn)).toEqual({ viewMode: 'table' });
  expect(edit('x'.repeat(40_000), { density: 'cosy' })).toEqual({ density: 'cosy' });
  expect(edit('dark', {})).toEqual({});
});

test('pickKnown accepts any JSON without an error, and is idempotent', () => {
  for (const { pickKnown } of [strict, loose, builtIn]) {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (preferences) => {
        const shown = pickKnown(preferences);
        expect(pickKnown(shown)).toEqual(shown);
        expect(Object.keys(preferences)).toEqual(expect.arrayContaining(Object.keys(shown)));
      }),
    );
  }
});
