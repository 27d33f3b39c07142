/** One connection to a stream of server-sent events. */
import type { Emitter } from '../../platform/emitter.ts';
import type { NetworkEnvironment } from '../../platform/environment.ts';
import { startIdleTimeout } from '../idle-timeout.ts';
import { createAuthorizedFetch } from './authorized-fetch.ts';
import { parseRetryAfter } from './retry-after.ts';
import { createSseParser, type ServerSentEvent } from './sse-parser.ts';
import { createTokenSource, type GetToken } from './token-source.ts';

export interface EventConnectionOptions {
  readonly url: string;
  readonly getToken: GetToken;
  readonly environment: Pick<NetworkEnvironment, 'now' | 'fetch' | 'listen'>;
  /** The id of the last event that was received; '' for none. */
  readonly lastEventId: string;
  /** How long nothing may arrive before the connection counts as dead, in milliseconds. */
  readonly idleTimeoutMs: number;
  /** Emits when there is a reason to check the connection at once. */
  readonly wakeEmitter: Emitter;
  /** Returns false to close the connection, because the stream is another user's. */
  readonly onEvent: (event: ServerSentEvent) => boolean;
}

/** How a connection ended. */
export interface EventConnectionResult {
  /** Whether the server accepted no token, or the stream was another user's. */
  readonly needsSignIn: boolean;
  /** The server's Retry-After in milliseconds; 0 for none. */
  readonly retryAfterMs: number;
  /** When something last arrived, in milliseconds since 1970. */
  readonly lastActivityAt: number;
}

/** A connection's text is kept until it ends. This limits it, in characters; the next connection continues. */
const MAX_CONNECTION_CHARS = 1_000_000;

/** Receives events until the connection ends or `stopSignal` is aborted. Never rejects. */
export async function receiveEvents(
  options: EventConnectionOptions,
  stopSignal: AbortSignal,
): Promise<EventConnectionResult> {
  const { url, getToken, environment, lastEventId, idleTimeoutMs, wakeEmitter, onEvent } = options;
  const { now, fetch } = environment;
  const controller = new AbortController();
  const { signal } = controller;
  const end = (): void => controller.abort();
  const idleTimeout = startIdleTimeout(
    { now, wakeEmitter, checkIntervalMs: idleTimeoutMs / 4, timeoutMs: () => idleTimeoutMs, onTimeout: end },
    signal,
  );
  // WebKit reports a request that it has to abort itself at the end of a page as an error on the console.
  signal.addEventListener('abort', environment.listen('offline pagehide', end));
  stopSignal.addEventListener('abort', end, { signal });
  const ended = new Promise<undefined>((resolve) => signal.addEventListener('abort', () => resolve(undefined)));

  const parseEvents = createSseParser();
  let isOwn = true;
  const onText = (text: string): void => {
    idleTimeout.recordActivity();
    isOwn &&= parseEvents(text).every(onEvent);
    if (!isOwn || text.length > MAX_CONNECTION_CHARS) end();
  };
  const headers = { Accept: 'text/event-stream', ...(lastEventId === '' ? {} : { 'Last-Event-ID': lastEventId }) };
  const authorizedFetch = createAuthorizedFetch(fetch, createTokenSource(getToken), signal);
  let wasUnauthorized = false;
  let retryAfterMs = 0;
  try {
    const result = await Promise.race([authorizedFetch(url, { headers }, onText), ended]);
    wasUnauthorized = !result && !signal.aborted;
    retryAfterMs = parseRetryAfter(result?.response.headers.get('Retry-After') ?? null, now());
  } catch {
    // The connection was interrupted. The next one continues after the last event.
  }
  end();
  return { needsSignIn: wasUnauthorized || !isOwn, retryAfterMs, lastActivityAt: idleTimeout.lastActivityAt() };
}
