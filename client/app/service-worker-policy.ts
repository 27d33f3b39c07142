/** Which requests the service worker answers, and from where. */
export interface InterceptedRequest {
  readonly method: string;
  readonly url: URL;
  /** `navigate` when a page is asked for: https://fetch.spec.whatwg.org/#concept-request-mode */
  readonly mode: string;
}

export type ResponseSource =
  /** The browser does what it would do without a service worker. */
  | 'untouched'
  /** The kept page, whichever of its URLs was asked for. */
  | 'page'
  /** A kept file. */
  | 'kept';

export interface PrecachedUrls {
  readonly origin: string;
  /** The paths of the page's URLs: see routes.ts. */
  readonly pages: ReadonlySet<string>;
  /** The paths of its files. */
  readonly files: ReadonlySet<string>;
}

/** What is said to a worker that waits, once the person wants the new version. */
export type TakeOverMessage = 'take-over';

/**
 * What is none of the page's own is left alone, the API and the sync before anything: what they answer is one user's
 * own and must be in no cache.
 */
export const chooseResponseSource = (
  { method, url, mode }: InterceptedRequest,
  { origin, pages, files }: PrecachedUrls,
): ResponseSource => {
  if (method !== 'GET' || url.origin !== origin || url.username !== '') return 'untouched';
  if (mode === 'navigate') return pages.has(url.pathname) ? 'page' : 'untouched';
  return files.has(url.pathname) && url.search === '' ? 'kept' : 'untouched';
};
