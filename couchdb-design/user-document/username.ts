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

/** `<prefix><username>`: the one document of the registry that a user replicates. Only `idsWith` makes one. */
export type UserDocumentId = string & { readonly [documentIdBrand]: true };

// Lower case only, since CouchDB's ids are case-sensitive and people are not. No `/`, `%`, `?`, `#` or space: the id
// stands in paths. No `:` either, which parts name and password in basic authentication (RFC 7617, section 2).
const USERNAME = /^[a-z0-9][a-z0-9_.@+-]{0,63}$/;

export const parseUsername = (value: unknown): Username | undefined =>
  typeof value === 'string' && USERNAME.test(value) ? (value as Username) : undefined;

/** What the ids of a registry's user documents begin with where nobody says otherwise. */
export const DEFAULT_ID_PREFIX = 'user_';

// As it stands in paths too, and in the design document's functions as a text. A letter first: CouchDB keeps ids with an
// underscore to itself.
const ID_PREFIX = /^[a-z][a-z0-9_.-]{0,31}$/;

export const isIdPrefix = (text: string): boolean => ID_PREFIX.test(text);

/**
 * The ids of a registry in which every user document has this prefix, and no other. One registry has one prefix: with two,
 * `a` + `bc` and `ab` + `c` would be one document of two people.
 */
export const documentIdFactory =
  (prefix: string) =>
  (username: Username): UserDocumentId =>
    `${prefix}${username}` as UserDocumentId;

/** Of a registry with the usual prefix. */
export const userDocumentId = documentIdFactory(DEFAULT_ID_PREFIX);
