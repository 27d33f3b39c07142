/**
 * The `fetch` that PouchDB is given. It gets answers of the protocol only, and asks no oftener than does good: all else
 * ends the run, so that there is no state in which PouchDB has given up or asks in circles unknown to us.
 */
import { createAuthorizedFetch } from './authorized-fetch.ts';
import { createTokenSource } from './token-source.ts';
import { isValidResponse, makesNoProgress, parseResponseBody } from './validate-response.ts';
import type { SyncRunOptions, EndSyncRun } from '../sync-run.ts';
import { parseRetryAfter } from './retry-after.ts';

export interface ValidatingFetchOptions extends Pick<SyncRunOptions, 'url' | 'getToken' | 'throttles' | 'isRetry'> {
  /** The one document that all is about. */
  readonly store: Pick<SyncRunOptions['store'], 'id'>;
  readonly environment: Pick<SyncRunOptions['environment'], 'fetch' | 'now'>;
}

/** What is told of a run, and what ends it. */
export interface SyncRunEvents {
  /** Aborted by `end`. */
  readonly signal: AbortSignal;
  readonly end: EndSyncRun;
  /** Something came over the connection. */
  readonly onActivity: (isLongpoll: boolean) => void;
  /** The server has answered; its feed with these revisions. */
  readonly onResponse: (revisions: readonly string[]) => void;
  /** A longpoll is open, and holds. */
  readonly onLongpollOpen: () => void;
}

/** A longpoll without rows that ends earlier was not held at all: the gate holds one for a second at the least. */
const MIN_LONGPOLL_HOLD_MS = 900;

/** A longpoll's body that has begun, and told nothing yet. */
const OPEN_LONGPOLL_BODY = /^\W*results\W*$/;

/** PouchDB may ask under any address: the last part of its path and the query are asked for at `url`. */
export function createValidatingFetch(
  { url, store, environment, getToken, throttles, isRetry }: ValidatingFetchOptions,
  { signal, end, onActivity, onResponse, onLongpollOpen }: SyncRunEvents,
): typeof globalThis.fetch {
  const authorizedFetch = createAuthorizedFetch(environment.fetch, createTokenSource(getToken), signal);

  /** Undefined when the run has ended. */
  const fetchValidated = async (requestUrl: string | URL, init?: RequestInit): Promise<Response | undefined> => {
    const { pathname, search, searchParams } = new URL(requestUrl);
    const endpoint = pathname.split('/').pop() ?? '';
    // What PouchDB asks of the server and the database itself is for checkpoints, and there are none.
    if (endpoint === '') return new Response('{}');
    await throttles[endpoint]?.();

    const isLongpoll = searchParams.has('feed');
    let isOpen = false;
    let wasHeldOpen = !isLongpoll;
    const holdTimer = setTimeout(() => {
      wasHeldOpen = true;
      if (isOpen) onLongpollOpen();
    }, MIN_LONGPOLL_HOLD_MS);
    const onText = (text: string): void => {
      onActivity(isLongpoll);
      if (!isLongpoll || isOpen || !OPEN_LONGPOLL_BODY.test(text)) return;
      isOpen = true;
      if (!isRetry || wasHeldOpen) onLongpollOpen();
    };

    try {
      const result = await authorizedFetch(url.replace(/\/?$/, '/') + endpoint + search, init, onText);
      if (!result) end('sign-in-needed');
      if (!result || signal.aborted) return;
      const { response, text } = result;
      const body = parseResponseBody(text);
      const isFeed = endpoint === '_changes';
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
      clearTimeout(holdTimer);
    }
  };

  return async (input, init) => {
    const answer = await fetchValidated(input as string, init).catch(() => end('interrupted'));
    // PouchDB gives texts. It swallows some failures and leaves others unhandled: it gets none, as nobody is there any more to take one.
    return answer ?? new Promise<never>(() => undefined);
  };
}
