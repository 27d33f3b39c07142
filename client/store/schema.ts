/** The application's preferences, as its schema sees them. What the schema does not know is kept, and not shown. */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { isPreferenceKey } from '../../couchdb-design/user-document/user-document-shape.ts';

/** Preferences by name, or a patch of them, of which nothing is known. */
export type Values = Readonly<Record<string, unknown>>;

export interface StoreSchema {
  /** The patch as it is to be stored; `null` removes. Throws a RangeError that says what is wrong with it. */
  readonly parsePatch: (patch: Values) => Values;
  /** Those that the schema takes: another version of the application may have stored others. */
  readonly pickKnown: (preferences: Values) => Values;
}

/** What a schema answers; one that is asynchronous has neither. */
interface ValidationResult {
  readonly value?: Values;
  readonly issues?: readonly StandardSchemaV1.Issue[];
}

/** Throws a TypeError when the schema cannot check one preference by itself, or not at once. */
export const createStoreSchema = (schema: StandardSchemaV1): StoreSchema => {
  const validate = (value: Values): ValidationResult => schema['~standard'].validate(value) as ValidationResult;
  if (!validate({}).value) throw new TypeError('The schema must take {}, at once.');
  /** The value as the schema gives it; `null` stays. Throws a RangeError that says what is wrong with it. */
  const parseEntry = ([key, value]: readonly [string, unknown]): readonly [string, unknown] => {
    const isRemoval = value === null || value === undefined;
    const { issues, value: output = {} }: ValidationResult = isRemoval
      ? { value: { [key]: null } }
      : validate({ [key]: value });
    if (issues) throw new RangeError(issues.map(({ message }) => message).join(' '));
    // A schema that is not strict drops what it does not know.
    if (!isPreferenceKey(key) || !Object.hasOwn(output, key)) throw new RangeError(`${key} is not known`);
    return [key, output[key]];
  };

  return {
    parsePatch: (patch) => Object.fromEntries(Object.entries(patch).map(parseEntry)),
    pickKnown: (preferences) =>
      Object.fromEntries(
        Object.entries(preferences).flatMap((entry) => {
          try {
            return entry[1] === null ? [] : [parseEntry(entry)];
          } catch {
            return [];
          }
        }),
      ),
  };
};
