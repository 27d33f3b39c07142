/**
 * Usernames, and the one id of a user's document.
 *
 * A name is accepted unchanged or rejected. It is never trimmed, lower-cased or otherwise mapped: two names with one id
 * would be two people with one document.
 */

declare const usernameBrand: unique symbol;
declare const documentIdBrand: unique symbol;

/** A name that has passed `parseUsername`. */
export type Username = string & { readonly [usernameBrand]: true };

/** `<prefix><username>`: the one document of the registry that a user replicates. Created by `documentIdFactory` only. */
export type UserDocumentId = string & { readonly [documentIdBrand]: true };

// Lower case only, since CouchDB's ids are case-sensitive and people are not. No `/`, `%`, `?`, `#` or space, since ids
// are used in paths. No `:`, which separates name and password in basic authentication (RFC 7617, section 2).
const USERNAME = /^[a-z0-9][a-z0-9_.@+-]{0,63}$/;

/** Returns the value if it is a valid username; `undefined` otherwise. */
export const parseUsername = (value: unknown): Username | undefined =>
  typeof value === 'string' && USERNAME.test(value) ? (value as Username) : undefined;

/** The default prefix of the ids of user documents. */
export const DEFAULT_ID_PREFIX = 'user_';

// Safe in paths and in the source text of the design document's functions. A letter first: CouchDB reserves ids that start
// with an underscore.
const ID_PREFIX = /^[a-z][a-z0-9_.-]{0,31}$/;

/** Returns whether a registry may use this id prefix. */
export const isIdPrefix = (text: string): boolean => ID_PREFIX.test(text);

/**
 * Returns the function from usernames to ids for a registry with this prefix. A registry has exactly one prefix: with two,
 * `a` + `bc` and `ab` + `c` would be one document of two people.
 */
export const documentIdFactory =
  (prefix: string) =>
  (username: Username): UserDocumentId =>
    `${prefix}${username}` as UserDocumentId;

/** Returns the id of a user's document in a registry with the default prefix. */
export const userDocumentId = documentIdFactory(DEFAULT_ID_PREFIX);
