/**
 * The `fetch` that PouchDB is given. It passes on only valid responses and limits the rate of requests. Everything else ends
 * the run, so that PouchDB can neither give up nor request in a loop unnoticed. The run also ends when a response times out.
 * The run itself limits the idle time of a longpoll.
 */
import type { ServerTime } from '../../platform/clock-offset.ts';
import { createAuthorizedFetch, type TextResponse } from './authorized-fetch.ts';
import { reasonOfFailure, SignInError } from './connection-error.ts';
import { explainResponse } from './explain-response.ts';
import { hedge } from './hedge.ts';
import { createTokenSource } from './token-source.ts';
import { boundedQuery, observeLongpoll, type LongpollMode } from './longpoll.ts';
import { startResponseTimeout } from './response-timeout.ts';
import { isValidResponse, makesNoProgress, parseResponseBody } from './validate-response.ts';
import type { ConnectionReason } from '../status-reason.ts';
import type { SyncRunEvents, SyncRunOptions } from '../types.ts';
import { parseRetryAfter } from './retry-after.ts';

export interface ValidatingFetchOptions extends Pick<
  SyncRunOptions,
  'url' | 'idPrefix' | 'getToken' | 'throttles' | 'hasTimedOut' | 'mustConfirmUser'
> {
  /** The id of the document that is synced. */
  readonly store: Pick<SyncRunOptions['store'], 'id'>;
  readonly environment: Pick<SyncRunOptions['environment'], 'fetch' | 'now'>;
  readonly timing: Pick<SyncRunOptions['timing'], 'response'>;
  readonly longpollMode: LongpollMode;
}

/** Requests that only read. */
const REPEATABLE_ENDPOINTS: ReadonlySet<string> = new Set(['_changes', '_revs_diff', '_bulk_get']);

/**
 * Returns a request for the changes without a body. PouchDB sends `doc_ids` by POST, but the gate returns only the user's own document
 * in any case. A proxy in Go, such as Caddy, closes the request's body when the response starts
 * (https://pkg.go.dev/net/http#ResponseController.EnableFullDuplex). If it has not yet noticed the end of that body, it then
 * closes its connection to the gate, and passes on the first part of a longpoll as a complete response.
 */
const withoutBody = (init?: RequestInit): RequestInit => ({ ...init, method: 'GET', body: null });

/** PouchDB may use any address: the last segment of its path and its query are appended to `url`. */
export function createValidatingFetch(
  options: ValidatingFetchOptions,
  { signal, end, onPending, onActivity, onResponse, onServerTime, onLongpollOpen, onLongpollProgress }: SyncRunEvents,
): typeof globalThis.fetch {
  const { url, store, environment, timing, getToken, throttles, hasTimedOut, longpollMode } = options;
  let confirmUser: () => void = () => undefined;
  const userConfirmed = new Promise<void>((resolve) => {
    confirmUser = resolve;
  });
  const authorizedFetch = createAuthorizedFetch(environment.fetch, createTokenSource(getToken), signal);
  const baseUrl = url.replace(/\/?$/, '/');

  /** Resolves with undefined when the run has ended. */
  const fetchValidated = async (requestUrl: string | URL, init?: RequestInit): Promise<Response | undefined> => {
    const { pathname, search, searchParams } = new URL(requestUrl);
    const endpoint = pathname.split('/').pop() ?? '';
    // PouchDB requests the server and the database only for checkpoints, which are not used.
    if (endpoint === '') return new Response('{}');
    await throttles[endpoint]?.();
    if (options.mustConfirmUser && endpoint === '_revs_diff') await userConfirmed;

    const isLongpoll = searchParams.has('feed');
    const longpoll = isLongpoll ? observeLongpoll(longpollMode, onLongpollOpen, onLongpollProgress) : undefined;
    const timeout = isLongpoll ? undefined : startResponseTimeout(timing.response, init?.body, () => end('timed-out'));
    const query = isLongpoll && longpollMode === 'bounded' ? boundedQuery(search) : search;
    const isFeed = endpoint === '_changes';
    const request = isFeed ? withoutBody(init) : init;
    if (!isLongpoll) onPending(1);
    try {
      const send = async (): Promise<TextResponse & Pick<ServerTime, 'elapsedMs'>> => {
        const sentAt = performance.now();
        const result = await authorizedFetch(baseUrl + endpoint + query, request, (text) => {
          onActivity(isLongpoll);
          longpoll?.onText(text);
          timeout?.recordActivity();
        });
        return { ...result, elapsedMs: performance.now() - sentAt };
      };
      const isHedged = hasTimedOut && !isLongpoll && REPEATABLE_ENDPOINTS.has(endpoint);
      const { response, text, elapsedMs } = await (isHedged ? hedge(send, signal) : send());
      if (signal.aborted) return;
      const body = parseResponseBody(text);
      const explain = (): ConnectionReason =>
        explainResponse({ status: response.status, text, body, endpoint }, options);
      const wasHeldOpen = longpoll?.wasHeldOpen() ?? true;
      if (
        !isValidResponse(endpoint, response, body, store.id, init?.method) ||
        (isFeed && makesNoProgress(body, searchParams.get('since'), wasHeldOpen))
      ) {
        const retryAfterMs = parseRetryAfter(response.headers.get('Retry-After'), environment.now());
        end('interrupted', explain(), retryAfterMs);
        return;
      }
      // Before PouchDB sends what it has. A held response shows nothing, and a failed one may be another server's.
      if (response.ok && !isLongpoll) {
        await onServerTime({ date: Date.parse(response.headers.get('Date') ?? ''), elapsedMs });
      }
      if (isFeed) confirmUser();
      const revisions = isFeed ? body.results.flatMap(({ changes }) => changes.map(({ rev }) => rev)) : [];
      onResponse(revisions, response.ok ? undefined : explain());
      return new Response(text, response);
    } finally {
      longpoll?.stop();
      timeout?.stop();
      if (!isLongpoll) onPending(-1);
    }
  };

  return async (input, init) => {
    const response = await fetchValidated(input as string, init).catch((error: unknown) => {
      end(error instanceof SignInError ? 'sign-in-needed' : 'interrupted', reasonOfFailure(error));
    });
    // PouchDB ignores some failures and leaves others unhandled. After the run has ended its request never settles.
    return response ?? new Promise<never>(() => undefined);
  };
}
