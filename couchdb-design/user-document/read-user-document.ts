/**
 * Reads a user document of any earlier version as one of the current version. A newer version is rejected: writing it
 * would lose data that a newer application has stored.
 */
import type { z } from 'zod';
import { splitDocument } from './couch-members.ts';
import type { Preferences } from './preference-rules.ts';
import { preferencesSchema } from './preferences.ts';
import { migrateFromVersion0, versionOf } from './migrate-user-document.ts';
import { createUserDocumentSchema } from './user-document-schema.ts';
import { USER_DOCUMENT_VERSION, type UserDocument } from './user-document-shape.ts';

export type ReadUserDocument<P extends object = Preferences> =
  { readonly ok: true; readonly document: UserDocument<P> } | { readonly ok: false; readonly reason: string };

const describeZodError = (error: z.ZodError): string =>
  error.issues
    .slice(0, 3)
    .map(({ path, message }) => (path.length === 0 ? message : `${path.map(String).join('.')}: ${message}`))
    .join('; ');

/**
 * Returns a reader of documents with the preferences `schema` and ids with this prefix (see createUserDocumentSchema). The
 * reader never throws; the reason of a failure is a sentence.
 */
export const createUserDocumentReader = <S extends z.ZodObject>(
  schema: S,
  idPrefix?: string,
): ((value: unknown) => ReadUserDocument<z.infer<S>>) => {
  const documentSchema = createUserDocumentSchema(schema, idPrefix);
  const isValidPreference = (key: string, value: unknown): boolean =>
    schema.safeParse(Object.fromEntries([[key, value]])).success;
  return (value) => {
    const split = splitDocument(value);
    if (split === undefined) return { ok: false, reason: 'A user document is an object.' };
    const { body, members, unknownMembers } = split;
    if (members._deleted === true) return { ok: false, reason: 'The user document is deleted.' };
    if (unknownMembers.includes('_attachments')) return { ok: false, reason: 'A user document has no attachments.' };
    const version = versionOf(body);
    if (typeof version === 'number' && version > USER_DOCUMENT_VERSION) {
      return { ok: false, reason: `The user document has version ${version}, newer than this program can read.` };
    }
    const parsed = documentSchema.safeParse(version === 0 ? migrateFromVersion0(body, isValidPreference) : body);
    return parsed.success
      ? { ok: true, document: parsed.data }
      : { ok: false, reason: `The user document is malformed: ${describeZodError(parsed.error)}.` };
  };
};

/** Reads a stored or replicated user document with the built-in preferences. Never throws. */
export const readUserDocument = createUserDocumentReader(preferencesSchema);
