/** The user document: its parts, and how one is made. See the files named below for each part's reasons. */
export { splitDocument, type CouchMembers, type SplitDocument } from './couch-members.ts';
export {
  DEFAULT_PREFERENCES,
  withDefaults,
  type PatchOf,
  type Preferences,
  type PreferencesPatch,
} from './preference-rules.ts';
export { createPatchSchema, MAX_DOCUMENT_BYTES, preferencesPatchSchema, preferencesSchema } from './preferences.ts';
export { createUserDocumentReader, readUserDocument, type ReadUserDocument } from './read-user-document.ts';
export { createUserDocumentSchema, userDocumentSchema } from './user-document-schema.ts';
export {
  newUserDocument,
  USER_DOCUMENT_TYPE,
  USER_DOCUMENT_VERSION,
  type UserDocument,
} from './user-document-shape.ts';
export {
  documentIdFactory as idsWith,
  isIdPrefix,
  parseUsername,
  userDocumentId,
  DEFAULT_ID_PREFIX as USUAL_ID_PREFIX,
  type UserDocumentId,
  type Username,
} from './username.ts';
