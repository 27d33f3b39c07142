import type { z } from 'zod';
import {
  DEFAULT_ID_PREFIX,
  DEFAULT_PREFERENCES,
  createPreferenceSchema,
  createUserDocumentReader,
  documentIdFactory,
  preferencesSchema,
  type PreferenceSchema,
  type Preferences,
  type UserDocument,
  type UserDocumentId,
  type UserDocumentReader,
  type Username,
  type Values,
} from '../../couchdb-design/user-document/user-document.ts';
import { preferencesStandardSchema } from '../../couchdb-design/user-document/preferences-standard-schema.ts';
import { findUpgradeProblem } from '../../couchdb-design/user-document/upgrade-function.ts';
import { findZodSchemaProblem } from '../../couchdb-design/user-document/zod-schema-checks.ts';
import { toStandardSchema } from '../../couchdb-design/user-document/zod-standard-schema.ts';
import { createView, type Upgrade } from './view.ts';

/** The preferences of an application, and the document that holds a user's. */
export interface PreferenceDefinition<P extends object = Preferences> {
  readonly names: readonly string[];
  /** The rules for each preference, the same for every interface. */
  readonly schema: PreferenceSchema;
  /** The schema as the application wrote it, to describe the values that it accepts. */
  readonly zodSchema: z.ZodType<P>;
  /** Returned for preferences that were never set. They are never stored. */
  readonly defaults: Partial<P>;
  readonly idOf: (username: Username) => UserDocumentId;
  readonly readUserDocument: UserDocumentReader;
  /** Returns a stored document as every interface shows it: upgraded, without unknown keys and invalid values. */
  readonly show: (stored: UserDocument<Values>) => UserDocument<P>;
  /** Returns a stored document with the values that `upgrade` derives from others, which the next edit stores. */
  readonly withDerived: (stored: UserDocument<Values>) => UserDocument<Values>;
}

export interface DefinitionOptions<P extends object> {
  readonly defaults?: Partial<P> | undefined;
  /** Converts the values of the application's earlier versions. Default: the identity. */
  readonly upgrade?: Upgrade | undefined;
  readonly idPrefix?: string | undefined;
  /** Called with a sentence when the schema or the upgrade throws, is asynchronous, or changes what it must not. */
  readonly onMistake?: ((mistake: 'schema' | 'upgrade', sentence: string) => void) | undefined;
}

/**
 * Defines an application's own preferences.
 *
 * @param schema a strict object of optional members. Each is validated on its own: a rule over two members could be broken by a
 * merge of two valid documents.
 * @throws TypeError when the schema contains what a schema of preferences must not, or the upgrade does not accept `{}`. The message
 * names the member.
 */
export function definePreferences<S extends z.ZodObject>(
  schema: S,
  options: DefinitionOptions<z.infer<S>> = {},
): PreferenceDefinition<z.infer<S>> {
  const problem = findZodSchemaProblem(schema) ?? findUpgradeProblem(options.upgrade);
  if (problem !== undefined) throw new TypeError(problem);
  const { onMistake } = options;
  return createDefinition(schema as z.ZodType as z.ZodType<z.infer<S>>, {
    ...options,
    names: Object.keys(schema.shape),
    rules: createPreferenceSchema(toStandardSchema(schema), (sentence) => onMistake?.('schema', sentence)),
  });
}

/** Returns the definition of Pouchgate's own preferences. */
export const defaultPreferenceDefinition = (idPrefix?: string): PreferenceDefinition =>
  createDefinition<Preferences>(preferencesSchema, {
    names: Object.keys(preferencesSchema.shape),
    rules: createPreferenceSchema(preferencesStandardSchema),
    defaults: DEFAULT_PREFERENCES,
    idPrefix,
  });

function createDefinition<P extends object>(
  zodSchema: z.ZodType<P>,
  {
    names,
    rules,
    defaults = {},
    upgrade,
    idPrefix = DEFAULT_ID_PREFIX,
    onMistake,
  }: DefinitionOptions<P> & { readonly names: readonly string[]; readonly rules: PreferenceSchema },
): PreferenceDefinition<P> {
  return {
    names,
    schema: rules,
    zodSchema,
    defaults,
    idOf: documentIdFactory(idPrefix),
    readUserDocument: createUserDocumentReader(idPrefix),
    ...createView<P>({ names, schema: rules, upgrade, onFailure: (sentence) => onMistake?.('upgrade', sentence) }),
  };
}
