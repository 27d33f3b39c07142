/** Checks options that may have a wrong type at run time: in JavaScript, or from a configuration. */
import { isIdPrefix, DEFAULT_ID_PREFIX } from '../couchdb-design/user-document/username.ts';

/** The options that are checked here. */
interface UncheckedOptions {
  readonly url?: unknown;
  readonly username?: unknown;
  readonly getToken?: unknown;
  readonly idPrefix?: unknown;
}

/** The longest delay of a timer, in milliseconds. A longer one expires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Throws a `TypeError` with the problem unless the option is valid. */
export function assert(isValid: boolean, problem: string): asserts isValid {
  if (!isValid) throw new TypeError(problem);
}

/**
 * Checks the options that a store and a stream have in common.
 *
 * @param options - The options.
 * @param urlPattern - What an accepted URL matches.
 * @throws A `TypeError` that names the option.
 */
export function checkOptions(options: unknown, urlPattern: RegExp): void {
  const { url, username, getToken, idPrefix = DEFAULT_ID_PREFIX } = Object(options) as UncheckedOptions;
  assert(
    typeof url === 'string' && urlPattern.test(url),
    `url is not a URL such as https://example.org/sync/user_registry: ${String(url)}`,
  );
  assert(typeof username === 'string', 'username is not a string.');
  assert(typeof getToken === 'function', 'getToken is not a function.');
  assert(typeof idPrefix === 'string' && isIdPrefix(idPrefix), 'idPrefix is not the ID_PREFIX of a server.');
}

/** Checks a duration in milliseconds. Throws a `TypeError` that names the option. */
export function checkDuration(name: string, ms: unknown, minMs: number, maxMs = MAX_TIMER_MS): void {
  assert(typeof ms === 'number' && ms >= minMs && ms <= maxMs, `${name} is not from ${minMs} to ${maxMs} ms.`);
}

/** Paths are appended to it, and PouchDB interprets a relative URL as the name of a local database. */
export const ABSOLUTE_URL = /^https?:\/\/[^/?#@]+(\/[^?#]*)?$/;
/** A query is appended to it. It may be relative. */
export const ANY_URL = /^((https?:)?\/\/[^/?#@]+([/?][^#]*)?|(?!\w+:|\/\/)[^#]+)$/;
