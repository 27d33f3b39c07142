/** Validates preferences by the application's schema. Preferences that the schema does not know are kept but not shown. */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { DEFAULT_PREFERENCES } from '../../couchdb-design/user-document/preference-rules.ts';
import { deepFreeze } from '../platform/deep-freeze.ts';
import { preferencesStandardSchema } from '../../couchdb-design/user-document/preferences-standard-schema.ts';
import { isPreferenceKey } from '../../couchdb-design/user-document/user-document-shape.ts';

/** Unvalidated preferences by key, or a patch of them. */
export type Values = Readonly<Record<string, unknown>>;

export interface StoreSchema {
  /** Returns the patch as it is stored; `null` is a removal. Throws a RangeError with the reason when it is invalid. */
  readonly parsePatch: (patch: Values) => Values;
  /** Returns the preferences that are valid. Another version of the application may have stored others. */
  readonly pickKnown: (preferences: Values) => Values;
}

/** A validator's synchronous result. A promise has neither member. */
interface ValidationResult {
  readonly value?: Values;
  readonly issues?: readonly StandardSchemaV1.Issue[];
}

type Entry = readonly [key: string, value: unknown];

/** Throws a TypeError when the schema is none, cannot validate a single preference, or is asynchronous. */
export const createStoreSchema = (schema: StandardSchemaV1): StoreSchema => {
  const validate = (value: Values): ValidationResult => schema['~standard'].validate(value) as ValidationResult;
  const isUsable = (schema as Partial<StandardSchemaV1>)['~standard'] && validate({}).value;
  if (!isUsable) throw new TypeError('schema is not a synchronous Standard Schema that accepts {}.');

  /** Returns the entry with the schema's output value. Throws a RangeError with the reason when it is invalid. */
  const parseEntry = ([key, value]: Entry): Entry => {
    const isRemoval = value === null || value === undefined;
    const { issues, value: output = {} }: ValidationResult = isRemoval
      ? { value: { [key]: null } }
      : validate({ [key]: value });
    if (issues) throw new RangeError(issues.map(({ message }) => message).join(' '));
    // A schema that is not strict drops unknown keys.
    if (!isPreferenceKey(key) || !Object.hasOwn(output, key)) throw new RangeError(`${key} is not known`);
    return [key, output[key]];
  };

  /** Returns the entry in a list, or an empty list when it is invalid. */
  const parseKnownEntry = (entry: Entry): readonly Entry[] => {
    if (entry[1] === null) return [];
    try {
      return [parseEntry(entry)];
    } catch {
      return [];
    }
  };

  return {
    parsePatch: (patch) => Object.fromEntries(Object.entries(patch).map(parseEntry)),
    pickKnown: (preferences) => Object.fromEntries(Object.entries(preferences).flatMap(parseKnownEntry)),
  };
};

/** An application's own schema and defaults. */
interface CustomSchema {
  readonly schema?: StandardSchemaV1;
  readonly defaults?: object;
}

/**
 * The built-in schema and defaults, unless the application brings its own. The defaults are a frozen copy. Throws as
 * `createStoreSchema` does.
 */
export const resolveSchema = ({
  schema,
  defaults = schema === undefined ? DEFAULT_PREFERENCES : {},
}: CustomSchema): { readonly schema: StoreSchema; readonly defaults: Values } => ({
  schema: createStoreSchema(schema ?? preferencesStandardSchema),
  defaults: deepFreeze(structuredClone(defaults)) as Values,
});
