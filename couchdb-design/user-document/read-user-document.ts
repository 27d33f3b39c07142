/**
 * Reads a stored body as a user document. It is tolerant: a mistake of an operator or an older program must not make a document
 * unreadable. All preferences are kept, unknown and invalid ones included. Other members that are missing or malformed get a value
 * that depends on the body alone, so that two programs that read it write the same bytes.
 *
 * A newer version is rejected: writing it would lose data that a newer application has stored.
 */
import { splitDocument } from './couch-members.ts';
import { isEditStamp, type EditStamp } from './edit-stamp.ts';
import { isObject } from './json.ts';
import type { Violation } from './json-rules.ts';
import type { Values } from './preference-schema.ts';
import { readStoredPreferences } from './stored-preferences.ts';
import { isIsoTime, toIsoTime } from './stored-time.ts';
import {
  isPreferenceKey,
  USER_DOCUMENT_TYPE,
  USER_DOCUMENT_VERSION,
  type UserDocument,
} from './user-document-shape.ts';
import { DEFAULT_ID_PREFIX, documentIdFactory, parseStoredUsername, type Username } from './username.ts';

export type ReadUserDocument =
  | {
      readonly ok: true;
      readonly document: UserDocument<Values>;
      /** What differs between the body and the document. Empty for a well-formed body. */
      readonly repairs: readonly Violation[];
    }
  | { readonly ok: false; readonly reason: string };

export type UserDocumentReader = (value: unknown) => ReadUserDocument;

const MEMBERS: readonly string[] = [
  '_id',
  'type',
  'version',
  'username',
  'preferences',
  'edits',
  'created_at',
  'updated_at',
];

const readEdits = (value: unknown, repair: (path: readonly string[], message: string) => void) => {
  if (!isObject(value)) repair(['edits'], 'must be an object');
  const entries = Object.entries(isObject(value) ? value : {}).filter(([key, stamp]) => {
    const isValid = isPreferenceKey(key) && isEditStamp(stamp);
    if (!isValid) repair(['edits', key], 'must be an edit stamp of a preference');
    return isValid;
  });
  return Object.fromEntries(entries) as Readonly<Record<string, EditStamp>>;
};

const readBody = (body: Values, username: Username): Extract<ReadUserDocument, { readonly ok: true }> => {
  const repairs: Violation[] = [];
  const repair = (path: readonly string[], message: string): void => void repairs.push({ path, message });
  const expect = (key: string, value: unknown, message: string): void => {
    if (body[key] !== value) repair([key], message);
  };
  expect('type', USER_DOCUMENT_TYPE, `must be ${USER_DOCUMENT_TYPE}`);
  expect('version', USER_DOCUMENT_VERSION, `must be ${USER_DOCUMENT_VERSION}`);
  expect('username', username, 'must be the one of the document id');
  const { created_at, updated_at } = body;
  for (const key of ['created_at', 'updated_at'])
    if (!isIsoTime(body[key])) repair([key], 'must be a time like 2026-11-22T09:30:01.123Z');
  for (const key of Object.keys(body)) if (!MEMBERS.includes(key)) repair([key], 'is not known');
  const document: UserDocument<Values> = {
    _id: body['_id'] as UserDocument['_id'],
    created_at: toIsoTime(created_at, updated_at),
    edits: readEdits(body['edits'], repair),
    preferences: readStoredPreferences(body['preferences'], repair),
    type: USER_DOCUMENT_TYPE,
    updated_at: toIsoTime(updated_at, created_at),
    username,
    version: USER_DOCUMENT_VERSION,
  };
  return { ok: true, document, repairs };
};

/** Returns a reader of documents whose ids start with this prefix. It never throws. The reason of a failure is a sentence. */
export const createUserDocumentReader = (idPrefix: string = DEFAULT_ID_PREFIX): UserDocumentReader => {
  const idOf = documentIdFactory(idPrefix);
  const ownerOf = (id: unknown): Username | undefined => {
    const username = typeof id === 'string' ? parseStoredUsername(id.slice(idPrefix.length)) : undefined;
    return username !== undefined && id === idOf(username) ? username : undefined;
  };
  return (value) => {
    const split = splitDocument(value);
    if (split === undefined) return { ok: false, reason: 'A user document is an object.' };
    const { body, members, unknownMembers } = split;
    if (members._deleted === true) return { ok: false, reason: 'The user document is deleted.' };
    if (unknownMembers.includes('_attachments')) return { ok: false, reason: 'A user document has no attachments.' };
    const username = ownerOf(body['_id']);
    if (username === undefined) return { ok: false, reason: `The _id must be ${idPrefix}<username>.` };
    const { version } = body;
    if (typeof version === 'number' && version > USER_DOCUMENT_VERSION) {
      return { ok: false, reason: `The user document has version ${version}, newer than this program can read.` };
    }
    return readBody(body, username);
  };
};

/** Reads a stored or replicated user document with an id of the default prefix. Never throws. */
export const readUserDocument = createUserDocumentReader();

/** Whether a stored body can be read, and differs from the document that reading it returns. Client libraries only write well-formed bodies. */
export const needsRepair = (body: unknown, read: UserDocumentReader = readUserDocument): boolean => {
  const result = read(body);
  return result.ok && result.repairs.length > 0;
};
