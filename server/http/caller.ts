import type { UserDocumentId, Username } from '../../couchdb-design/user-document/user-document.ts';

/** Who a request comes from, as its token proves it. Only the identity module makes one. */
export interface Caller {
  readonly username: Username;
  /** The one document that this caller may read and write. */
  readonly ownId: UserDocumentId;
  /** The session that the token belongs to; none when another identity provider issued it. */
  readonly sessionId: string | undefined;
  /** When the token ends, in ms since 1970. A live request ends then too. */
  readonly expiresAt: number;
}

/** What has ended before its time: one session, or every right of an account that was suspended. */
export type Revocation =
  { readonly kind: 'session'; readonly sessionId: string } | { readonly kind: 'account'; readonly username: string };
