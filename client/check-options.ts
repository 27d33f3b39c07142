/** The options that may have a wrong type at run time: in JavaScript, or from a configuration. */
interface UncheckedOptions {
  readonly url?: unknown;
  readonly username?: unknown;
  readonly getToken?: unknown;
}

/**
 * Checks the options that a store and a stream have in common.
 *
 * @param options - The options.
 * @param isUrl - Whether a text is an accepted URL. PouchDB interprets a relative URL as the name of a local database.
 * @throws A `TypeError` that names the option.
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
