/** The user document. The files below document each part. */
export { splitDocument, type CouchMembers, type SplitDocument } from './couch-members.ts';
export { DEFAULT_PREFERENCES, withDefaults } from './default-preferences.ts';
export type { PatchOf, Preferences, PreferencesPatch } from './preference-rules.ts';
export { documentBytes, findPatchViolations, findWriteViolation, MAX_DOCUMENT_BYTES } from './document-changes.ts';
export { formatViolation, type Violation } from './json-rules.ts';
export { createPreferenceSchema, type PreferenceSchema, type Values } from './preference-schema.ts';
export { createPatchSchema, preferencesPatchSchema, preferencesSchema } from './preferences.ts';
export {
  createUserDocumentReader,
  needsRepair,
  readUserDocument,
  type ReadUserDocument,
  type UserDocumentReader,
} from './read-user-document.ts';
export {
  newUserDocument,
  USER_DOCUMENT_TYPE,
  USER_DOCUMENT_VERSION,
  type UserDocument,
} from './user-document-shape.ts';
export { escapeSubject, formatSubject, parseFormattedSubject } from './subject-text.ts';
export {
  decodeSubject,
  DEFAULT_ID_PREFIX,
  documentIdFactory,
  encodeSubject,
  isIdPrefix,
  parseStoredUsername,
  parseUsername,
  userDocumentId,
  type UserDocumentId,
  type Username,
} from './username.ts';
