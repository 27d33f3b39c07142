/**
 * Who a user document belongs to, and the one id it may have.
 *
 * A name is taken as it is or refused. It is never trimmed, lower-cased or otherwise mapped: two names that meet in one
 * id would be two people in one document.
 */

declare const usernameBrand: unique symbol;
declare const documentIdBrand: unique symbol;

/** A name that has passed `parseUsername`. */
export type Username = string & { readonly [usernameBrand]: true };

/** `user_<username>`: the one document of the registry that a user replicates. Only `userDocumentId` makes one. */
export type UserDocumentId = string & { readonly [documentIdBrand]: true };

// Lower case only, since CouchDB's ids are case-sensitive and people are not. No `/`, `%`, `?`, `#` or space: the id
// stands in paths. No `:` either, which parts name and password in basic authentication (RFC 7617, section 2).
const USERNAME = /^[a-z0-9][a-z0-9_.@+-]{0,63}$/;

export const parseUsername = (value: unknown): Username | undefined =>
  typeof value === 'string' && USERNAME.test(value) ? (value as Username) : undefined;

export const userDocumentId = (username: Username): UserDocumentId => `user_${username}` as UserDocumentId;
