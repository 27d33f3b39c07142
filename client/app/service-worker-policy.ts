/** Which requests the service worker answers, and from where. */
export interface Asked {
  readonly method: string;
  readonly url: URL;
  /** `navigate` when a page is asked for: https://fetch.spec.whatwg.org/#concept-request-mode */
  readonly mode: string;
}

export type Answer =
  /** The browser does what it would do without a service worker. */
  | 'untouched'
  /** The newest page there is: from the network, and the kept one when that gives none. */
  | 'page'
  /** A kept file. */
  | 'kept';

/**
 * `kept` are the paths of the page's own files. All else is left alone, the API and the sync before anything: what they
 * answer is one user's own and must be in no cache.
 */
export const answerFrom = ({ method, url, mode }: Asked, origin: string, kept: ReadonlySet<string>): Answer => {
  if (method !== 'GET' || url.origin !== origin || url.username !== '') return 'untouched';
  if (mode === 'navigate') return url.pathname === '/' ? 'page' : 'untouched';
  return kept.has(url.pathname) && url.search === '' ? 'kept' : 'untouched';
};
