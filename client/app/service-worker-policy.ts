/** Decides which requests the service worker responds to, and with what. */
export interface InterceptedRequest {
  readonly method: string;
  readonly url: URL;
  /** `navigate` for a page: https://fetch.spec.whatwg.org/#concept-request-mode */
  readonly mode: string;
}

export type ResponseSource =
  /** The browser handles the request as it would without a service worker. */
  | 'untouched'
  /** The cached page. It is the same for all its URLs. */
  | 'page'
  /** A cached file. */
  | 'file';

export interface PrecachedUrls {
  readonly origin: string;
  /** The paths of the page's URLs (routes.ts). */
  readonly pages: ReadonlySet<string>;
  /** The paths of the page's files. */
  readonly files: ReadonlySet<string>;
}

/** The message that activates a waiting worker, sent when the user accepts the new version. */
export type TakeOverMessage = 'take-over';

/**
 * Only the page's own URLs and files are served from the cache. Responses of the API and of the sync belong to one user
 * and must never be cached.
 */
export const chooseResponseSource = (
  { method, url, mode }: InterceptedRequest,
  { origin, pages, files }: PrecachedUrls,
): ResponseSource => {
  if (method !== 'GET' || url.origin !== origin || url.username !== '') return 'untouched';
  if (mode === 'navigate') return pages.has(url.pathname) ? 'page' : 'untouched';
  return files.has(url.pathname) && url.search === '' ? 'file' : 'untouched';
};
