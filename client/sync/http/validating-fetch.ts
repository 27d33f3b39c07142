/**
 * The `fetch` that PouchDB is given. It passes on only valid responses and limits the rate of requests. Everything else ends
 * the run, so that PouchDB can neither give up nor request in a loop unnoticed.
 */
import { createAuthorizedFetch } from './authorized-fetch.ts';
import { createTokenSource } from './token-source.ts';
import { isValidResponse, makesNoProgress, parseResponseBody } from './validate-response.ts';
import type { SyncRunEvents, SyncRunOptions } from '../types.ts';
import { parseRetryAfter } from './retry-after.ts';

export interface ValidatingFetchOptions extends Pick<SyncRunOptions, 'url' | 'getToken' | 'throttles' | 'isRetry'> {
  /** The id of the document that is synced. */
  readonly store: Pick<SyncRunOptions['store'], 'id'>;
  readonly environment: Pick<SyncRunOptions['environment'], 'fetch' | 'now'>;
}

/** The gate holds a longpoll without rows for at least a second. One that ends earlier was not held. */
const MIN_LONGPOLL_HOLD_MS = 900;

/** The start of a longpoll's body, before the first row. */
const OPEN_LONGPOLL_BODY = /^\W*results\W*$/;

interface LongpollWatch {
  /** Whether the longpoll has been held for long enough. */
  readonly wasHeldOpen: () => boolean;
  /** Takes the body received so far. */
  readonly onText: (text: string) => void;
  readonly stop: () => void;
}

/**
 * Calls `onOpen` when the server holds a longpoll open: at the start of its body, or, with `mustBeHeld`, only after it has
 * been held for a while.
 */
function watchLongpoll(mustBeHeld: boolean, onOpen: () => void): LongpollWatch {
  let isOpen = false;
  let wasHeldOpen = false;
  const holdTimer = setTimeout(() => {
    wasHeldOpen = true;
    if (isOpen) onOpen();
  }, MIN_LONGPOLL_HOLD_MS);
  return {
    wasHeldOpen: () => wasHeldOpen,
    onText: (text) => {
      if (isOpen || !OPEN_LONGPOLL_BODY.test(text)) return;
      isOpen = true;
      if (wasHeldOpen || !mustBeHeld) onOpen();
    },
    stop: () => clearTimeout(holdTimer),
  };
}

/** PouchDB may use any address: the last segment of its path and its query are appended to `url`. */
export function createValidatingFetch(
  { url, store, environment, getToken, throttles, isRetry }: ValidatingFetchOptions,
  { signal, end, onActivity, onResponse, onLongpollOpen }: SyncRunEvents,
): typeof globalThis.fetch {
  const authorizedFetch = createAuthorizedFetch(environment.fetch, createTokenSource(getToken), signal);
  const baseUrl = url.replace(/\/?$/, '/');

  /** Resolves with undefined when the run has ended. */
  const fetchValidated = async (requestUrl: string | URL, init?: RequestInit): Promise<Response | undefined> => {
    const { pathname, search, searchParams } = new URL(requestUrl);
    const endpoint = pathname.split('/').pop() ?? '';
    // PouchDB requests the server and the database only for checkpoints, which are not used.
    if (endpoint === '') return new Response('{}');
    await throttles[endpoint]?.();

    const isLongpoll = searchParams.has('feed');
    const longpoll = isLongpoll ? watchLongpoll(isRetry, onLongpollOpen) : undefined;
    try {
      const result = await authorizedFetch(baseUrl + endpoint + search, init, (text) => {
        onActivity(isLongpoll);
        longpoll?.onText(text);
      });
      if (!result) end('sign-in-needed');
      if (!result || signal.aborted) return;
      const { response, text } = result;
      const body = parseResponseBody(text);
      const isFeed = endpoint === '_changes';
      const wasHeldOpen = longpoll?.wasHeldOpen() ?? true;
      if (
        !isValidResponse(endpoint, response, body, store.id) ||
        (isFeed && makesNoProgress(body, searchParams.get('since'), wasHeldOpen))
      ) {
        end('interrupted', parseRetryAfter(response.headers.get('Retry-After'), environment.now()));
        return;
      }
      onResponse(isFeed ? body.results.flatMap(({ changes }) => changes.map(({ rev }) => rev)) : []);
      return new Response(text, response);
    } finally {
      longpoll?.stop();
    }
  };

  return async (input, init) => {
    const response = await fetchValidated(input as string, init).catch(() => end('interrupted'));
    // PouchDB ignores some failures and leaves others unhandled. After the run has ended its request never settles.
    return response ?? new Promise<never>(() => undefined);
  };
}
