import { findWriteViolation } from '../user-document/document-changes.ts';
import { createPreferenceSchema } from '../user-document/preference-schema.ts';
import { preferencesStandardSchema } from '../user-document/preferences-standard-schema.ts';
import { createUserDocumentReader } from '../user-document/read-user-document.ts';

const schema = createPreferenceSchema(preferencesStandardSchema);

/**
 * Whether a value is a user document that any interface may write as the first one: well-formed, with valid built-in preferences and
 * without CouchDB's members other than `_id`.
 */
export const isValidUserDocument = (value: unknown, idPrefix?: string): boolean => {
  if (Object.keys(Object(value) as object).some((key) => key.startsWith('_') && key !== '_id')) return false;
  const read = createUserDocumentReader(idPrefix)(value);
  if (!read.ok || read.repairs.length > 0) return false;
  return findWriteViolation({ before: undefined, after: read.document, schema }) === undefined;
};
