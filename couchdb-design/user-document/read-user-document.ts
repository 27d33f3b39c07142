/**
 * Reads a user document of any version that we have ever written, as one of today's version. A newer version is
 * refused: to write what one cannot read would lose what somebody else's newer app has stored.
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

/** A reader for documents whose preferences are `schema` and whose ids begin so (see createUserDocumentSchema). */
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

/** Reads a stored or replicated user document with our preferences. Never throws; the reason is a sentence. */
export const readUserDocument = createUserDocumentReader(preferencesSchema);
