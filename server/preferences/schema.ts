import type { z } from 'zod';
import {
  createPatchSchema,
  createUserDocumentReader,
  DEFAULT_PREFERENCES,
  idsWith,
  preferencesSchema,
  USUAL_ID_PREFIX,
  type PatchOf,
  type Preferences,
  type ReadUserDocument,
  type UserDocumentId,
  type Username,
} from '../../couchdb-design/user-document/user-document.ts';

/** What preferences there are, and in which document a user's are. */
export interface PreferenceDefinition<P extends object = Preferences> {
  readonly names: readonly string[];
  /** Checks preferences by name, all of them optional. */
  readonly schema: z.ZodType<P>;
  readonly patchSchema: z.ZodType<PatchOf<P>>;
  /** Told for what was never set; they are never stored. */
  readonly defaults: Partial<P>;
  readonly idOf: (username: Username) => UserDocumentId;
  readonly parseUserDocument: (body: unknown) => ReadUserDocument<P>;
}

/**
 * The rules of an application's own preferences: a strict object of optional members, each checked for itself (a rule over two
 * could be broken by a merge of two documents that hold it). Throws a TypeError when a name is none that CouchDB's own check takes.
 */
export function definePreferences<S extends z.ZodObject>(
  schema: S,
  defaults: Partial<z.infer<S>>,
  idPrefix: string = USUAL_ID_PREFIX,
): PreferenceDefinition<z.infer<S>> {
  return {
    names: Object.keys(schema.shape),
    schema: schema as z.ZodType as z.ZodType<z.infer<S>>,
    patchSchema: createPatchSchema(schema),
    defaults,
    idOf: idsWith(idPrefix),
    parseUserDocument: createUserDocumentReader(schema, idPrefix),
  };
}

/** The rules of Pouchgate's own preferences. */
export const defaultPreferenceDefinition = (idPrefix?: string): PreferenceDefinition =>
  definePreferences(preferencesSchema, DEFAULT_PREFERENCES, idPrefix);
