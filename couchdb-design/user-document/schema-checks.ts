/**
 * What a schema of preferences must not contain, by the Standard Schema interface alone. zod-schema-checks.ts looks deeper into
 * schemas of zod.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec';

/** Why a schema with an asynchronous check is rejected, as the end of a sentence. */
export const IS_ASYNCHRONOUS = 'has an asynchronous check. A schema decides at once, without a promise.';
export const HAS_DEFAULT = 'has a default value in the schema. Pass it in `defaults` instead.';

const nameOf = ({ path: [first] = [] }: StandardSchemaV1.Issue): string =>
  String(typeof first === 'object' ? first.key : (first ?? 'without a name'));

/**
 * Returns why preferences cannot have this schema, as a sentence; `undefined` when no reason was found. It validates `{}` only, so
 * another value may still reveal a problem later: see createPreferenceSchema.
 */
export const findSchemaProblem = (schema: StandardSchemaV1): string | undefined => {
  try {
    const result = schema['~standard'].validate({});
    if ('then' in result) {
      result.catch(() => undefined);
      return `The schema ${IS_ASYNCHRONOUS}`;
    }
    const [issue] = result.issues ?? [];
    if (issue) return `The preference ${nameOf(issue)} is required by the schema. Every preference must be optional.`;
    const [key] = Object.keys((result as StandardSchemaV1.SuccessResult<object>).value);
    return key === undefined ? undefined : `The preference ${key} ${HAS_DEFAULT}`;
  } catch {
    return 'The schema is not a Standard Schema (https://standardschema.dev) that accepts {}.';
  }
};
