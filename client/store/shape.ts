/** The application's preferences, as its schema sees them. What the schema does not know is kept, and not shown. */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { isPreferenceKey } from '../../couchdb-design/user-document-shape.ts';

/** Preferences by name, or a patch of them, of which nothing is known. */
export type Values = Readonly<Record<string, unknown>>;

export interface Shape {
  /** The patch as it is to be stored; `null` removes. Throws a RangeError that says what is wrong with it. */
  readonly patch: (patch: Values) => Values;
  /** Those that the schema takes: another version of the application may have stored others. */
  readonly known: (preferences: Values) => Values;
}

/** Throws a TypeError when the schema cannot check one preference by itself, or not at once. */
export const shapeOf = (schema: StandardSchemaV1): Shape => {
  const check = (value: unknown): StandardSchemaV1.Result<unknown> => {
    const result = schema['~standard'].validate(value);
    if (result instanceof Promise) throw new TypeError('The schema must not be asynchronous.');
    return result;
  };
  /** The value as the schema gives it. Throws a RangeError that says what is wrong with it. */
  const read = (key: string, value: unknown): unknown => {
    const result = check({ [key]: value });
    if (result.issues) throw new RangeError(result.issues.map(({ message }) => message).join(' '));
    const output = result.value as Values;
    // A schema that is not strict drops what it does not know.
    if (!Object.hasOwn(output, key)) throw new RangeError(`${key} is not known`);
    return output[key];
  };
  if (check({}).issues) throw new TypeError('The schema must take {}: every preference is optional.');

  return {
    patch: (patch) =>
      Object.fromEntries(
        Object.entries(patch).map(([key, value]) => {
          if (!isPreferenceKey(key)) throw new RangeError(`${key} is no name for a preference.`);
          return [key, value === null || value === undefined ? null : read(key, value)];
        }),
      ),
    known: (preferences) => {
      const whole = check(preferences);
      if (!whole.issues) return whole.value as Values;
      return Object.fromEntries(
        Object.entries(preferences).flatMap(([key, value]) => {
          try {
            return [[key, read(key, value)]];
          } catch {
            return [];
          }
        }),
      );
    },
  };
};
