import type { z } from 'zod';
import {
  createPatchSchema,
  createUserDocumentReader,
  DEFAULT_PREFERENCES,
  documentIdFactory,
  preferencesSchema,
  DEFAULT_ID_PREFIX,
  type PatchOf,
  type Preferences,
  type ReadUserDocument,
  type UserDocumentId,
  type Username,
} from '../../couchdb-design/user-document/user-document.ts';

/** The preferences of an application, and the document that holds a user's. */
export interface PreferenceDefinition<P extends object = Preferences> {
  readonly names: readonly string[];
  /** Validates preferences by name. All of them are optional. */
  readonly schema: z.ZodType<P>;
  readonly patchSchema: z.ZodType<PatchOf<P>>;
  /** Returned for preferences that were never set. They are never stored. */
  readonly defaults: Partial<P>;
  readonly idOf: (username: Username) => UserDocumentId;
  readonly parseUserDocument: (body: unknown) => ReadUserDocument<P>;
}

/**
 * Defines an application's own preferences.
 *
 * @param schema a strict object of optional members. Each is validated on its own: a rule over two members could be broken by a
 * merge of two valid documents.
 * @throws TypeError when a name is not accepted by CouchDB's `validate_doc_update`.
 */
export function definePreferences<S extends z.ZodObject>(
  schema: S,
  defaults: Partial<z.infer<S>>,
  idPrefix: string = DEFAULT_ID_PREFIX,
): PreferenceDefinition<z.infer<S>> {
  return {
    names: Object.keys(schema.shape),
    schema: schema as z.ZodType as z.ZodType<z.infer<S>>,
    patchSchema: createPatchSchema(schema),
    defaults,
    idOf: documentIdFactory(idPrefix),
    parseUserDocument: createUserDocumentReader(schema, idPrefix),
  };
}

/** Returns the definition of Pouchgate's own preferences. */
export const defaultPreferenceDefinition = (idPrefix?: string): PreferenceDefinition =>
  definePreferences(preferencesSchema, DEFAULT_PREFERENCES, idPrefix);
