/**
 * The rules for one preference: those of any stored value, and the application's schema. Server and client use them alike.
 *
 * The schema validates each preference alone, as `{ [key]: value }`. It never changes a value: what is stored is what was set,
 * on every device and by every interface.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { canonicalJson } from './canonical-json.ts';
import { findJsonViolation, findMemberNameViolation, type Violation } from './json-rules.ts';
import { isPreferenceKey } from './user-document-shape.ts';

/** Preferences by key, of any schema. */
export type Values = Readonly<Record<string, unknown>>;

export interface PreferenceSchema {
  /** Returns why a preference must not have this value; `undefined` when it may. Never throws. */
  readonly findViolation: (key: string, value: unknown) => Violation | undefined;
  /** Returns the preferences without unknown keys and invalid values, which other versions of the application may have stored. */
  readonly pickKnown: (values: Values) => Values;
}

const UNKNOWN = 'is not known';

/** Returns why no preference may have this name, by any schema. */
export const findNameViolation = (key: string): Violation | undefined =>
  isPreferenceKey(key) ? findMemberNameViolation([key]) : { path: [key], message: UNKNOWN };

const isSame = (a: unknown, b: unknown): boolean => a === b || canonicalJson(a) === canonicalJson(b);

const toViolation = (key: string, { path = [], message }: StandardSchemaV1.Issue): Violation => {
  const names = path.map((part) => String(typeof part === 'object' ? part.key : part));
  // The messages of most libraries begin a sentence of their own.
  return {
    path: names.length === 0 ? [key] : names,
    message: /^[a-z]/.test(message) ? message : `is not valid: ${message}`,
  };
};

/**
 * Combines the rules of any value with an application's schema.
 *
 * @param schema any Standard Schema. The rules reject what it cannot decide: see schema-checks.ts.
 * @param onSchemaError called with a sentence when the schema throws, is asynchronous, or changes a value
 */
export const createPreferenceSchema = (
  schema: StandardSchemaV1,
  onSchemaError: (sentence: string) => void = () => undefined,
): PreferenceSchema => {
  const findIssue = (key: string, value: unknown): Violation | undefined => {
    const refuse = (message: string): Violation => {
      onSchemaError(`The schema of the preference ${key} ${message}.`);
      return { path: [key], message: `cannot be checked: the schema ${message}` };
    };
    try {
      const result = schema['~standard'].validate({ [key]: value });
      if ('then' in result) {
        result.catch(() => undefined);
        return refuse('is asynchronous');
      }
      const [issue] = result.issues ?? [];
      if (issue !== undefined) return toViolation(key, issue);
      const output = (result as StandardSchemaV1.SuccessResult<Values>).value;
      // A schema that is not strict drops unknown keys.
      if (!Object.hasOwn(output, key)) return { path: [key], message: UNKNOWN };
      return isSame(output[key], value) ? undefined : refuse('changes its value');
    } catch {
      return refuse('throws');
    }
  };

  const findViolation = (key: string, value: unknown): Violation | undefined => {
    if (value === null) return { path: [key], message: 'must not be null' };
    return findNameViolation(key) ?? findJsonViolation(value, [key]) ?? findIssue(key, value);
  };

  return {
    findViolation,
    pickKnown: (values) =>
      Object.fromEntries(Object.entries(values).filter(([key, value]) => findViolation(key, value) === undefined)),
  };
};
