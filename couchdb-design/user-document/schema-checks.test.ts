import type { StandardSchemaV1 } from '@standard-schema/spec';
import { z } from 'zod';
import { preferencesSchema } from './preferences.ts';
import { preferencesStandardSchema } from './preferences-standard-schema.ts';
import { findSchemaProblem } from './schema-checks.ts';
import { findZodSchemaProblem } from './zod-schema-checks.ts';

const of = (member: z.ZodType): z.ZodObject => z.strictObject({ density: member });

test('accepts the built-in schemas, and schemas of everything that JSON has', () => {
  expect(findSchemaProblem(preferencesStandardSchema)).toBeUndefined();
  expect(findZodSchemaProblem(preferencesSchema)).toBeUndefined();
  const node: z.ZodType = z.lazy(() => z.strictObject({ label: z.string(), children: z.array(node).optional() }));
  const schema = z.strictObject({
    density: z.enum(['cosy', 'compact']).optional(),
    fontSize: z.int().min(8).max(40).optional(),
    pinned: z.array(z.string().max(100).regex(/^\w+$/)).max(20).exactOptional(),
    place: z.object({ x: z.number(), y: z.number().optional() }).readonly().optional(),
    kind: z.union([z.literal('a'), z.literal(['b', 7, null, true])]).optional(),
    shape: z
      .discriminatedUnion('type', [z.strictObject({ type: z.literal('x') }), z.strictObject({ type: z.literal('y') })])
      .optional(),
    byDay: z.record(z.string(), z.boolean().nullable()).optional(),
    pair: z.tuple([z.string(), z.number()]).rest(z.boolean()).optional(),
    even: z
      .number()
      .refine((value) => value % 2 === 0, 'must be even')
      .optional(),
    email: z.email().optional(),
    any: z.json().optional(),
    node: node.optional(),
    custom: z.custom<'x'>((value) => value === 'x').optional(),
    label: z.string().describe('shown to others').meta({ title: 'Label' }).optional(),
  });
  expect(findZodSchemaProblem(schema)).toBeUndefined();
});

test.each<[string, z.ZodObject, RegExp]>([
  ['a transformation', of(z.string().transform(Number).optional()), /^The preference density is transformed/],
  [
    'a transformation deep inside',
    of(z.array(z.strictObject({ a: z.union([z.null(), z.string().toLowerCase()]) })).optional()),
    /^The preference density\.a is transformed/,
  ],
  ['a trimmed text', of(z.string().trim().optional()), /is transformed/],
  ['coercion', of(z.coerce.number().optional()), /is transformed/],
  ['a preprocessing step', of(z.preprocess((value) => value, z.string()).optional()), /is transformed/],
  ['a pipe', of(z.string().pipe(z.string()).optional()), /is transformed/],
  ['a text for a boolean', of(z.stringbool().optional()), /is transformed/],
  ['a replacement for invalid values', of(z.string().catch('x')), /is transformed/],
  ['a default', of(z.enum(['cosy', 'compact']).default('cosy')), /^The preference density has a default/],
  ['a default in advance', of(z.string().prefault('x')), /has a default/],
  [
    'a default inside',
    of(z.strictObject({ a: z.number().default(1) }).optional()),
    /^The preference density\.a has a default/,
  ],
  [
    'an asynchronous check',
    of(
      z
        .string()
        .refine(async () => Promise.resolve(true))
        .optional(),
    ),
    /^The preference density has an asynchronous check/,
  ],
  ['a promise', of(z.promise(z.string()).optional()), /asynchronous/],
  ['a date', of(z.date().optional()), /^The preference density cannot be represented in JSON/],
  ['a big integer', of(z.array(z.bigint()).optional()), /cannot be represented in JSON/],
  ['a big literal', of(z.literal(7n).optional()), /cannot be represented in JSON/],
  ['a map', of(z.map(z.string(), z.string()).optional()), /cannot be represented in JSON/],
  [
    'a set in a list in a record',
    of(z.record(z.string(), z.tuple([z.set(z.string())])).optional()),
    /cannot be represented in JSON/,
  ],
  [
    'a required member',
    z.strictObject({ a: z.string().optional(), density: z.string() }),
    /^The preference density is required/,
  ],
  ['a required nullable member', of(z.string().nullable()), /^The preference density is required/],
  [
    'a member with an invalid name',
    z.strictObject({ 'a b': z.string().optional() }),
    /^The preference "a b" has an invalid name/,
  ],
  [
    'a member that CouchDB reserves',
    z.strictObject({ _rev: z.string().optional() }),
    /^The preference "_rev" has an invalid name/,
  ],
  [
    'a member with the name of a secret',
    z.strictObject({ apiToken: z.string().optional() }),
    /^The preference apiToken looks like a secret/,
  ],
  [
    'a secret inside',
    of(z.strictObject({ password: z.string().optional() }).optional()),
    /^The preference density\.password looks like a secret/,
  ],
  [
    'a rule over several members',
    z.strictObject({ a: z.number().optional(), b: z.number().optional() }).refine(({ a = 0, b = 0 }) => a <= b),
    /rule over several preferences/,
  ],
])('rejects %s with a sentence that names the member', (_name, schema, message) => {
  expect(findZodSchemaProblem(schema)).toMatch(message);
  expect(findZodSchemaProblem(schema)).toMatch(/\.$/);
});

const schemaOf = (validate: (value: unknown) => unknown): StandardSchemaV1 => ({
  '~standard': { version: 1, vendor: 'test', validate: validate as StandardSchemaV1.Props['validate'] },
});

test.each<[string, unknown, RegExp]>([
  ['is none', {}, /not a Standard Schema/],
  ['is null', null, /not a Standard Schema/],
  [
    'throws',
    schemaOf(() => {
      throw new Error('no');
    }),
    /not a Standard Schema/,
  ],
  ['returns nothing', schemaOf(() => undefined), /not a Standard Schema/],
  ['is asynchronous', schemaOf((value) => Promise.resolve({ value })), /asynchronous/],
  ['rejects', schemaOf(() => Promise.reject(new Error('no'))), /asynchronous/],
  ['requires a member', z.strictObject({ density: z.string() }), /^The preference density is required/],
  ['has a default', z.strictObject({ density: z.string().default('cosy') }), /^The preference density has a default/],
])('of any library, rejects a schema that %s', (_name, schema, message) => {
  expect(findSchemaProblem(schema as StandardSchemaV1)).toMatch(message);
});
