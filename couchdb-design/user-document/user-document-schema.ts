/** The zod schema of the user document, without CouchDB's underscore members. */
import { z } from 'zod';
import { isEditStamp, type EditStamp } from './edit-stamp.ts';
import { preferencesSchema } from './preferences.ts';
import {
  isPreferenceKey,
  USER_DOCUMENT_TYPE,
  USER_DOCUMENT_VERSION,
  type UserDocument,
} from './user-document-shape.ts';
import {
  documentIdFactory,
  parseStoredUsername,
  DEFAULT_ID_PREFIX,
  type UserDocumentId,
  type Username,
} from './username.ts';

const isIsoTime = (value: unknown): boolean => {
  if (typeof value !== 'string' || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value)) return false;
  const time = Date.parse(value);
  return !Number.isNaN(time) && new Date(time).toISOString() === value;
};

const username = z.custom<Username>((value) => parseStoredUsername(value) !== undefined, 'must be a username');
const editStampSchema = z.custom<EditStamp>(isEditStamp, 'must be an edit stamp');
const isoTimeSchema = z.custom<string>(isIsoTime, 'must be a time like 2026-11-22T09:30:01.123Z');

/** `edits` may only contain the names of preferences. */
const createEditsSchema = (preferences: z.ZodObject): z.ZodType<Readonly<Record<string, EditStamp>>> => {
  const keys = Object.keys(preferences.shape);
  const invalidKey = keys.find((key) => !isPreferenceKey(key));
  if (invalidKey !== undefined) throw new TypeError(`invalid preference name: ${JSON.stringify(invalidKey)}`);
  return z.strictObject(Object.fromEntries(keys.map((key) => [key, editStampSchema.exactOptional()])));
};

/**
 * Returns the schema of a user document with these preferences, a strict object of optional members (see preferences.ts),
 * and an id that starts with `idPrefix`. Throws a TypeError when a member's name would be rejected by
 * `validate_doc_update`.
 */
export const createUserDocumentSchema = <S extends z.ZodObject>(
  preferences: S,
  idPrefix = DEFAULT_ID_PREFIX,
): z.ZodType<UserDocument<z.infer<S>>> =>
  z
    .strictObject({
      _id: z.custom<UserDocumentId>((value) => typeof value === 'string', 'must be a string'),
      type: z.literal(USER_DOCUMENT_TYPE),
      version: z.literal(USER_DOCUMENT_VERSION),
      username,
      preferences,
      edits: createEditsSchema(preferences),
      created_at: isoTimeSchema,
      updated_at: isoTimeSchema,
    })
    .refine((document) => document._id === documentIdFactory(idPrefix)(document.username), {
      message: `must be ${idPrefix}<username>`,
      path: ['_id'],
    }) as z.ZodType as z.ZodType<UserDocument<z.infer<S>>>;

export const userDocumentSchema = createUserDocumentSchema(preferencesSchema);
