/** The user document's type and constructor. The server validates it with user-document-schema.ts. */
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
  /** The last edit of each preference. A stamp without a value is a removal; a value without a stamp is oldest. */
  readonly edits: Readonly<Record<string, EditStamp>>;
  /** ISO 8601 as from `Date.toISOString`, so that string order is time order. */
  readonly created_at: string;
  readonly updated_at: string;
}

// A letter first, which excludes `__proto__` and CouchDB's underscore members. validate_doc_update has the same rule.
const PREFERENCE_KEY = /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/;

/** Returns whether a preference may have this name. */
export const isPreferenceKey = (key: string): boolean => PREFERENCE_KEY.test(key);

/** Returns a user's first document. It sets nothing, so every default applies and every device's edit wins over it. */
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
