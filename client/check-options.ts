/** What applications in JavaScript, and values that may be missing at run time, get wrong. */
interface UncheckedOptions {
  readonly url?: unknown;
  readonly username?: unknown;
  readonly getToken?: unknown;
}

/**
 * Checks the options that a store and a stream have in common. Throws a TypeError that names the option.
 *
 * @param options the options
 * @param isUrl whether a text is a URL that is usable: PouchDB takes a relative one for the name of a local database
 */
export function checkOptions({ url, username, getToken }: UncheckedOptions, isUrl: (text: string) => boolean): void {
  if (typeof url !== 'string' || !isUrl(url)) {
    throw new TypeError(`url is not a URL such as https://example.org/sync/user_registry: ${String(url)}`);
  }
  if (typeof username !== 'string') throw new TypeError('username is not a string.');
  if (typeof getToken !== 'function') throw new TypeError('getToken is not a function that returns a promise.');
}

/** Paths are appended to it, so it has neither a query nor a fragment. */
export const isAbsoluteUrl = (text: string): boolean => /^https?:\/\/[^?#]+$/.test(text);
/** A query is appended to it, so it has no fragment. */
export const isAnyUrl = (text: string): boolean => /^[^#]+$/.test(text);
