/**
 * Reads a user document of any version that we have ever written, as one of today's version.
 *
 * Version 0 had no `version` and no `edits`. It was checked by nobody, so reading one keeps what is good and drops the
 * rest; and it does so by the document alone, without clock or chance: two devices that upgrade it write the same bytes.
 * A newer version is refused: to write what one cannot read would lose what somebody else's newer app has stored.
 */
import type { z } from 'zod';
import { splitDocument } from './couch-members.ts';
import { preferencesSchema, type Preferences } from './preferences.ts';
import {
  createUserDocumentSchema,
  USER_DOCUMENT_TYPE,
  USER_DOCUMENT_VERSION,
  type UserDocument,
} from './user-document-schema.ts';

export type ReadUserDocument<P extends object = Preferences> =
  { readonly ok: true; readonly document: UserDocument<P> } | { readonly ok: false; readonly reason: string };

type Body = Readonly<Record<string, unknown>>;

const EPOCH = new Date(0).toISOString();

const isoTime = (value: unknown): string | undefined => {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  const date = new Date(value);
  return Number.isNaN(date.getTime()) || !/^\d{4}-/.test(date.toISOString()) ? undefined : date.toISOString();
};

const goodPreferences = (schema: z.ZodObject, value: unknown): Body => {
  const entries = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  return Object.fromEntries(entries.filter(([key, one]) => schema.safeParse(Object.fromEntries([[key, one]])).success));
};

const upgradeFrom0 = (schema: z.ZodObject, old: Body): Body => {
  const created = isoTime(old['created_at']) ?? isoTime(old['updated_at']) ?? EPOCH;
  return {
    _id: old['_id'],
    created_at: created,
    edits: {},
    preferences: goodPreferences(schema, old['preferences']),
    type: old['type'] ?? USER_DOCUMENT_TYPE,
    updated_at: isoTime(old['updated_at']) ?? created,
    username: old['username'],
    version: USER_DOCUMENT_VERSION,
  };
};

const sentence = (error: z.ZodError): string =>
  error.issues
    .slice(0, 3)
    .map(({ path, message }) => (path.length === 0 ? message : `${path.map(String).join('.')}: ${message}`))
    .join('; ');

/** A reader for documents whose preferences are `schema` (see createUserDocumentSchema). */
export const createUserDocumentReader = <S extends z.ZodObject>(
  schema: S,
): ((value: unknown) => ReadUserDocument<z.infer<S>>) => {
  const documentSchema = createUserDocumentSchema(schema);
  return (value) => {
    const split = splitDocument(value);
    if (split === undefined) return { ok: false, reason: 'A user document is an object.' };
    const { body, members, others } = split;
    if (members._deleted === true) return { ok: false, reason: 'The user document is deleted.' };
    if (others.includes('_attachments')) return { ok: false, reason: 'A user document has no attachments.' };
    const version = Object.hasOwn(body, 'version') ? body['version'] : 0;
    if (typeof version === 'number' && version > USER_DOCUMENT_VERSION) {
      return { ok: false, reason: `The user document has version ${version}, newer than this program can read.` };
    }
    const parsed = documentSchema.safeParse(version === 0 ? upgradeFrom0(schema, body) : body);
    return parsed.success
      ? { ok: true, document: parsed.data }
      : { ok: false, reason: `The user document is malformed: ${sentence(parsed.error)}.` };
  };
};

/** Reads a stored or replicated user document with our preferences. Never throws; the reason is a sentence. */
export const readUserDocument = createUserDocumentReader(preferencesSchema);
