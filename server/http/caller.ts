import type { UserDocumentId, Username } from '../../couchdb-design/user-document/user-document.ts';

/** The authenticated user of a request. Only the identity module creates one. */
export interface Caller {
  readonly username: Username;
  /** The id of the one document that this caller may read and write. */
  readonly ownId: UserDocumentId;
  /** The session that the token belongs to; undefined when another identity provider issued the token. */
  readonly sessionId: string | undefined;
  /** When the token expires, in ms since 1970. A live request ends at that time too. */
  readonly expiresAt: number;
}

/** Access that ended before its token expired: one session, or all access of a suspended account. */
export type Revocation =
  { readonly kind: 'session'; readonly sessionId: string } | { readonly kind: 'account'; readonly username: Username };
