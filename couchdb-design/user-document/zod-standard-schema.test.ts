import fc from 'fast-check';
import { z } from 'zod';
import { createPreferenceSchema } from './preference-schema.ts';
import { preferencesSchema } from './preferences.ts';
import { toStandardSchema } from './zod-standard-schema.ts';

test('validates like zod, with the same paths and messages', () => {
  const schema = toStandardSchema(preferencesSchema);
  const key = fc.constantFrom(...Object.keys(preferencesSchema.shape), 'colour');
  fc.assert(
    fc.property(fc.dictionary(key, fc.oneof(fc.jsonValue(), fc.constantFrom('dark', 'UTC', '07:30'))), (value) => {
      const result = schema['~standard'].validate(value);
      const { success, data, error } = preferencesSchema.safeParse(value);
      if (success) expect(result).toEqual({ value: data });
      else expect(result).toMatchObject({ issues: error.issues.map(({ path, message }) => ({ path, message })) });
    }),
  );
});

test('the rejection of an asynchronous check is handled, and the value is rejected', async () => {
  const member = z.string().refine(() => Promise.reject(new Error('a mistake')));
  const { findViolation } = createPreferenceSchema(toStandardSchema(z.strictObject({ a: member.optional() })));
  expect(findViolation('a', 'x')).toMatchObject({ message: expect.stringMatching(/asynchronous/) as string });
  // An unhandled rejection would end this test file.
  await new Promise((resolve) => setImmediate(resolve));
});
