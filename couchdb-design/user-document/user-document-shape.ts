/** The user document's members, and how one is made. Checked on the server by user-document-schema.ts. */
import type { EditStamp } from './edit-stamp.ts';
import type { Preferences } from './preference-rules.ts';
import { userDocumentId, type UserDocumentId, type Username } from './username.ts';

export const USER_DOCUMENT_TYPE = 'user_preferences';
export const USER_DOCUMENT_VERSION = 1;

export interface UserDocument<P extends object = Preferences> {
  readonly _id: UserDocumentId;
  readonly type: typeof USER_DOCUMENT_TYPE;
  readonly version: typeof USER_DOCUMENT_VERSION;
  readonly username: Username;
  readonly preferences: P;
  /** By preference, when it was last set. A stamp without a value is a removal; a value without a stamp is oldest. */
  readonly edits: Readonly<Record<string, EditStamp>>;
  /** ISO 8601 as Date.toISOString writes it, so that the order of the strings is the order of the times. */
  readonly created_at: string;
  readonly updated_at: string;
}

// A letter first: `__proto__` and CouchDB's underscore members are no preferences. validate_doc_update has the same.
const PREFERENCE_KEY = /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/;

export const isPreferenceKey = (key: string): boolean => PREFERENCE_KEY.test(key);

/** A user's first document: nothing set, so that every default holds and every edit of a device wins over it. */
export const newUserDocument = <P extends object = Preferences>(
  username: Username,
  now: Date,
  _id = userDocumentId(username),
): UserDocument<P> => ({
  _id,
  created_at: now.toISOString(),
  edits: {},
  preferences: {} as P,
  type: USER_DOCUMENT_TYPE,
  updated_at: now.toISOString(),
  username,
  version: USER_DOCUMENT_VERSION,
});
