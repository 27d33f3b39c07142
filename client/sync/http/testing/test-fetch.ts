import { createValidatingFetch, type ValidatingFetchOptions } from '../validating-fetch.ts';

export const DB = 'http://127.0.0.1:9/sync/user_registry';
export const ID = 'user_a+b@example.org' as ValidatingFetchOptions['store']['id'];
export const REV = `1-${'a'.repeat(32)}`;
export const LONGPOLL = `${DB}/_changes?feed=longpoll&since=1-x`;
export const FEED_HEAD = '{"results":[\n';

/** The response of the fake server. */
export interface FakeResponse {
  readonly status?: number;
  readonly text: string;
  readonly headers?: Record<string, string>;
  /** The part of `text` that is sent at once. */
  readonly firstChunk?: string;
  /** The delay before the rest of `text`. */
  readonly delayMs?: number;
}

/** A fetch with a fake server, its requests, and the events that it reported. */
export function createTestFetch(
  respond: (url: URL, init: RequestInit) => FakeResponse | Error,
  options: Partial<ValidatingFetchOptions> = {},
) {
  const requests: string[] = [];
  const events: unknown[] = [];
  const progress: string[] = [];
  const controller = new AbortController();
  const serverFetch: typeof globalThis.fetch = (input, init = {}) => {
    const url = new URL(input instanceof Request ? input.url : input);
    requests.push(`${init.method ?? 'GET'} ${url.href}`);
    const fakeResponse = respond(url, init);
    if (fakeResponse instanceof Error) return Promise.reject(fakeResponse);
    const { status = 200, text, headers = {}, firstChunk = '', delayMs = 0 } = fakeResponse;
    const body = new ReadableStream<Uint8Array>({
      start: async (streamController) => {
        const write = (part: string): void => streamController.enqueue(new TextEncoder().encode(part));
        if (firstChunk !== '') write(firstChunk);
        if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
        write(text.slice(firstChunk.length));
        streamController.close();
      },
    });
    return Promise.resolve(new Response(body, { status, headers }));
  };
  const fetch = createValidatingFetch(
    {
      url: DB,
      idPrefix: 'user_',
      store: { id: ID },
      environment: { fetch: serverFetch, now: Date.now },
      getToken: () => Promise.resolve('good'),
      throttles: {},
      hasTimedOut: false,
      mustConfirmUser: false,
      timing: { response: 10_000 },
      longpollMode: 'immediate',
      ...options,
    },
    {
      signal: controller.signal,
      end: (type, reason, retryAfterMs = 0) => {
        if (!controller.signal.aborted) events.push([type, reason, retryAfterMs]);
        controller.abort();
      },
      onPending: () => undefined,
      onActivity: () => undefined,
      onResponse: (revisions) => events.push(revisions),
      onServerTime: ({ date, elapsedMs }) => {
        if (!Number.isNaN(date)) events.push(['server time', date, elapsedMs < 1_000]);
        return Promise.resolve();
      },
      onLongpollOpen: () => events.push('longpoll open'),
      onLongpollProgress: (next) => progress.push(next),
    },
  );
  return { fetch, requests, events, progress, controller };
}
