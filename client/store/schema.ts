/** The application's schema, defaults and upgrade. Preferences that the schema does not know are kept but not shown. */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { formatViolation } from '../../couchdb-design/user-document/json-rules.ts';
import { DEFAULT_PREFERENCES } from '../../couchdb-design/user-document/preference-rules.ts';
import {
  createPreferenceSchema,
  findNameViolation,
  type PreferenceSchema,
  type Values,
} from '../../couchdb-design/user-document/preference-schema.ts';
import { preferencesStandardSchema } from '../../couchdb-design/user-document/preferences-standard-schema.ts';
import { findSchemaProblem } from '../../couchdb-design/user-document/schema-checks.ts';
import type { Upgrade } from '../../couchdb-design/user-document/upgrade-values.ts';
import { deepFreeze } from '../platform/deep-freeze.ts';

/** How the stored preferences are shown. */
export interface ViewOptions {
  readonly schema: PreferenceSchema;
  readonly defaults: Values;
  /** Converts what earlier versions of the application stored. */
  readonly upgrade?: Upgrade | undefined;
}

/** An application's own schema and defaults. */
interface CustomSchema {
  readonly schema?: StandardSchemaV1;
  readonly defaults?: object;
}

/** Returns why a preference of a schema of zod cannot have its name. Other schemas do not list their members. */
const findNameProblem = ({ shape = {} }: { readonly shape?: object }): string | undefined => {
  const [violation] = Object.keys(shape).flatMap((key) => findNameViolation(key) ?? []);
  return violation && `The preference ${formatViolation(violation)}.`;
};

/**
 * The built-in schema and defaults, unless the application brings its own. The defaults are a frozen copy. Throws a TypeError
 * with a sentence when preferences cannot have the schema.
 */
export const resolveSchema = ({
  schema = preferencesStandardSchema,
  defaults = schema === preferencesStandardSchema ? DEFAULT_PREFERENCES : {},
}: CustomSchema): Omit<ViewOptions, 'upgrade'> => {
  const problem = findSchemaProblem(schema) ?? findNameProblem(schema as { readonly shape?: object });
  if (problem !== undefined) throw new TypeError(problem);
  return { schema: createPreferenceSchema(schema), defaults: deepFreeze(structuredClone(defaults)) as Values };
};

/** Returns whether a preference may have a value. */
export const validatorOf =
  ({ findViolation }: PreferenceSchema) =>
  (key: string, value: unknown): boolean =>
    findViolation(key, value) === undefined;
