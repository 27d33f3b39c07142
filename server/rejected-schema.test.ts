import { z } from 'zod';
import { createPouchgate } from './index.ts';

/** Schemas and upgrades with which a gate does not start. */

test.each<[string, z.ZodObject, RegExp]>([
  [
    'transforms a value',
    z.strictObject({
      density: z
        .string()
        .transform((text) => text.length)
        .optional(),
    }),
    /density is transformed/,
  ],
  [
    'has an asynchronous check',
    z.strictObject({
      density: z
        .string()
        .refine(async () => Promise.resolve(true))
        .optional(),
    }),
    /density has an asynchronous/,
  ],
  ['has a date', z.strictObject({ density: z.date().optional() }), /density cannot be represented/],
  ['has a big integer', z.strictObject({ density: z.bigint().optional() }), /density cannot be represented/],
  ['has a default', z.strictObject({ density: z.string().default('cosy') }), /density has a default/],
  ['requires a member', z.strictObject({ density: z.string() }), /density is required/],
  [
    'has a member with the name of a secret',
    z.strictObject({ apiToken: z.string().optional() }),
    /apiToken looks like a secret/,
  ],
])('a schema that %s is rejected before anything is started', async (_name, schema, message) => {
  const created = createPouchgate({
    couchdb: { dataDirectory: '/nonexistent' },
    authenticate: () => undefined,
    preferences: { schema },
  });
  await expect(created).rejects.toThrow(TypeError);
  await expect(created).rejects.toThrow(message);
});

test('an upgrade that cannot be used is rejected at start', async () => {
  for (const upgrade of [
    () => Promise.resolve({}) as never,
    () => undefined as never,
    ({ a }: object & { a?: { b?: 1 } }) => a?.b as never,
  ]) {
    const preferences = { schema: z.strictObject({}), upgrade };
    const created = createPouchgate({
      couchdb: { dataDirectory: '/nonexistent' },
      authenticate: () => undefined,
      preferences,
    });
    await expect(created).rejects.toThrow(/^upgrade is not a synchronous function/);
  }
});
