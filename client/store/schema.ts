/** The application's schema, defaults and upgrade. rules.ts applies them. */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { DEFAULT_PREFERENCES } from '../../couchdb-design/user-document/default-preferences.ts';
import type { Values } from '../../couchdb-design/user-document/preference-schema.ts';
import { findSchemaProblem } from '../../couchdb-design/user-document/schema-checks.ts';
import { looksSecret } from '../../couchdb-design/user-document/secret-fields.ts';
import { findUpgradeProblem, type Upgrade } from '../../couchdb-design/user-document/upgrade-function.ts';
import { isPreferenceKey } from '../../couchdb-design/user-document/user-document-shape.ts';
import { deepFreeze } from '../platform/deep-freeze.ts';

/** An application's schema, defaults and upgrade. */
export interface SchemaChoice {
  /** Default: the built-in preferences. */
  readonly schema?: StandardSchemaV1 | undefined;
  readonly defaults: Values;
  /** Converts what earlier versions of the application stored. */
  readonly upgrade?: Upgrade | undefined;
}

/** Returns why a preference of a schema of zod cannot have its name. Other schemas do not list their members. */
const findNameProblem = ({ shape = {} }: { readonly shape?: object }): string | undefined => {
  const name = Object.keys(shape).find((key) => !isPreferenceKey(key) || looksSecret(key));
  return (
    name && `The preference ${name} needs another name: a short one of letters and digits, and not that of a secret.`
  );
};

/** Returns why preferences cannot have the schema or the upgrade, as a sentence; undefined when no reason was found. */
export const findChoiceProblem = ({ schema, upgrade }: Omit<SchemaChoice, 'defaults'>): string | undefined =>
  (schema && (findSchemaProblem(schema) ?? findNameProblem(schema as { readonly shape?: object }))) ??
  findUpgradeProblem(upgrade);

/** Returns an application's own defaults, or those of the built-in preferences: a frozen copy. */
export const resolveDefaults = ({
  schema,
  defaults = schema ? {} : DEFAULT_PREFERENCES,
}: {
  readonly schema?: StandardSchemaV1;
  readonly defaults?: object;
}): Values => deepFreeze(structuredClone(defaults)) as Values;
