/**
 * The names of users, and the one id of a user's document.
 *
 * - The *subject* of an identity provider is any text. OpenID Connect Core, 2 (`sub`) makes it case-sensitive and limits it to
 *   255 characters. It is what people see and type.
 * - A *username* is a subject in the encoding of ids: the characters `a-z0-9_.@+-` stand for themselves, every other byte of
 *   the subject's UTF-8 is `=` and two upper-case hex digits (`auth0|5f` is `auth0=7C5f`, `A` is `=41`).
 * - An *account* of this deployment has a subject that encodes as itself, and begins with a letter or digit.
 *
 * The encoding is injective, and a subject is encoded unchanged or refused. It is never trimmed, lower-cased or normalised:
 * two subjects with one id would be two people with one document.
 */

declare const usernameBrand: unique symbol;
declare const documentIdBrand: unique symbol;

/** The encoding of a subject. Created by `encodeSubject`, `parseUsername` and `parseStoredUsername` only. */
export type Username = string & { readonly [usernameBrand]: true };

/** `<prefix><username>`: the one document of the registry that a user replicates. Created by `documentIdFactory` only. */
export type UserDocumentId = string & { readonly [documentIdBrand]: true };

// Counts code points, of which each has at most twelve characters in the encoding. Excludes lone surrogates: their UTF-8 is that
// of U+FFFD, so two subjects would have one encoding.
const SUBJECT = /^\P{Cs}{1,255}$/u;

// Lower case only, since CouchDB's ids are case-sensitive and people are not. No `/`, `%`, `?`, `#` or space, since ids
// are used in paths. No `:`, which separates name and password in basic authentication (RFC 7617, section 2).
const ACCOUNT_NAME = /^[a-z0-9][a-z0-9_.@+-]{0,63}$/;
const ENCODED_CHARACTER = /[^a-z0-9_.@+-]/gu;
const ENCODED_NAME = /^(?:[a-z0-9_.@+-]|=[0-9A-F]{2})+$/;

/** Returns the value if it is a valid name of an account, which is its own encoding; `undefined` otherwise. */
export const parseUsername = (value: unknown): Username | undefined =>
  typeof value === 'string' && ACCOUNT_NAME.test(value) ? (value as Username) : undefined;

const toHex = (byte: number): string => `=${byte.toString(16).toUpperCase().padStart(2, '0')}`;

/** Returns the username of a subject; `undefined` unless it is a well-formed text of 1 to 255 code points. */
export function encodeSubject(subject: unknown): Username | undefined {
  if (typeof subject !== 'string' || !SUBJECT.test(subject)) return undefined;
  const encode = (character: string): string => Array.from(new TextEncoder().encode(character), toHex).join('');
  return subject.replace(ENCODED_CHARACTER, encode) as Username;
}

/** Returns the subject of a username: the inverse of `encodeSubject`. */
export const decodeSubject = (username: Username): string => decodeURIComponent(username.replaceAll('=', '%'));

/**
 * Returns the value if it is a username as ids and stored documents contain it; `undefined` otherwise. A text that decodes to
 * a subject but is not its encoding, such as `=61` for `a`, is not a username.
 */
export function parseStoredUsername(value: unknown): Username | undefined {
  if (typeof value !== 'string' || !ENCODED_NAME.test(value)) return undefined;
  try {
    const username = value as Username;
    return encodeSubject(decodeSubject(username)) === value ? username : undefined;
  } catch {
    // It is not the encoding of UTF-8.
    return undefined;
  }
}

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
