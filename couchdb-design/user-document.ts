/** The user document: its parts, and how one is made. See the files named below for each part's reasons. */
import { USER_DOCUMENT_TYPE, USER_DOCUMENT_VERSION, type UserDocument } from './user-document-schema.ts';
import { userDocumentId, type Username } from './username.ts';

export { splitDocument, type CouchMembers, type SplitDocument } from './couch-members.ts';
export {
  createPatchSchema,
  DEFAULT_PREFERENCES,
  MAX_DOCUMENT_BYTES,
  preferencesPatchSchema,
  preferencesSchema,
  withDefaults,
  type PatchOf,
  type Preferences,
  type PreferencesPatch,
} from './preferences.ts';
export { createUserDocumentReader, readUserDocument, type ReadUserDocument } from './read-user-document.ts';
export {
  createUserDocumentSchema,
  USER_DOCUMENT_TYPE,
  USER_DOCUMENT_VERSION,
  userDocumentSchema,
  type UserDocument,
} from './user-document-schema.ts';
export { parseUsername, userDocumentId, type UserDocumentId, type Username } from './username.ts';

/** A user's first document: nothing set, so that every default holds and every edit of a device wins over it. */
export const newUserDocument = (username: Username, now: Date): UserDocument => ({
  _id: userDocumentId(username),
  created_at: now.toISOString(),
  edits: {},
  preferences: {},
  type: USER_DOCUMENT_TYPE,
  updated_at: now.toISOString(),
  username,
  version: USER_DOCUMENT_VERSION,
});
