/** One connection to a stream of server-sent events. */
import type { Emitter } from '../../platform/emitter.ts';
import type { NetworkEnvironment } from '../../platform/environment.ts';
import { MIN_HUNG_MS, startIdleTimeout } from '../idle-timeout.ts';
import type { ConnectionReason } from '../status-reason.ts';
import { createAuthorizedFetch } from './authorized-fetch.ts';
import { reasonOfFailure, SignInError } from './connection-error.ts';
import { explainResponse } from './explain-response.ts';
import { parseRetryAfter } from './retry-after.ts';
import { createSseParser, type ServerSentEvent } from './sse-parser.ts';
import { createTokenProvider } from './token-provider.ts';
import { createTokenSource, type GetToken } from './token-source.ts';
import { parseResponseBody } from './validate-response.ts';
import type { LongpollProgress } from '../buffering.ts';

export interface EventConnectionOptions {
  readonly url: string;
  /** The server ends the response after the first update, or after this time in milliseconds. Default: it does not end it. */
  readonly boundedMs?: number | undefined;
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
  /** Why the connection ended, for the status. */
  readonly reason: ConnectionReason;
  /** The server's Retry-After in milliseconds; 0 for none. */
  readonly retryAfterMs: number;
  /** When something last arrived, in milliseconds since 1970. */
  readonly lastActivityAt: number;
  /**
   * How much had arrived when the connection timed out; undefined when it ended in another way. It is `heartbeat` when a
   * wake-up ended a connection that may be dead.
   */
  readonly timedOutAfter: Exclude<LongpollProgress, 'none'> | undefined;
  /** Whether a heartbeat has arrived while the response was not complete. */
  readonly hasHeartbeat: boolean;
  /** Whether the server accepted the request, sent an event, and ended the response itself. */
  readonly isComplete: boolean;
}

/** A connection's text is kept until it ends. This limits it, in characters; the next connection continues. */
const MAX_CONNECTION_CHARS = 1_000_000;

/** If a part of the response arrives earlier than this before the end, no proxy buffered it. In milliseconds. */
const MIN_LEAD_MS = 500;

/** How many times the idle timeout is checked before it expires. */
const CHECKS_PER_TIMEOUT = 8;

/** Adds the interval of heartbeats, and the timeout of a bounded response, to the URL. */
const requestUrl = (url: string, idleTimeoutMs: number, boundedMs: number): string =>
  `${url}${url.includes('?') ? '&' : '?'}heartbeat=${Math.ceil(idleTimeoutMs / 2)}${boundedMs > 0 ? `&timeout=${boundedMs}` : ''}`;

/** Receives events until the connection ends or `stopSignal` is aborted. Never rejects. */
export async function receiveEvents(
  options: EventConnectionOptions,
  stopSignal: AbortSignal,
): Promise<EventConnectionResult> {
  const { url, boundedMs = 0, getToken, environment, lastEventId, idleTimeoutMs, wakeEmitter, onEvent } = options;
  const { now, fetch } = environment;
  const controller = new AbortController();
  const { signal } = controller;
  const end = (): void => controller.abort();
  let progress: Exclude<LongpollProgress, 'none'> = 'sent';
  let secondPartAt = Infinity;
  let timedOutAfter: EventConnectionResult['timedOutAfter'];
  const onTimeout = (): void => {
    timedOutAfter = progress;
    end();
  };
  const timeoutMs = (): number => idleTimeoutMs + boundedMs;
  const checkIntervalMs = idleTimeoutMs / CHECKS_PER_TIMEOUT;
  const idleTimeout = startIdleTimeout({ now, wakeEmitter, checkIntervalMs, timeoutMs, onTimeout }, signal);
  const onWake = (): void => {
    const expectedMs = progress === 'sent' ? MIN_HUNG_MS : idleTimeoutMs / 2 + MIN_HUNG_MS;
    if (now() - idleTimeout.lastActivityAt() <= expectedMs) return;
    timedOutAfter = 'heartbeat';
    end();
  };
  signal.addEventListener('abort', wakeEmitter.subscribe(onWake));
  // Otherwise WebKit aborts the request when the page is unloaded, and reports an error on the console.
  signal.addEventListener('abort', environment.listen('offline pagehide', end));
  stopSignal.addEventListener('abort', end, { signal });
  const ended = new Promise<undefined>((resolve) => signal.addEventListener('abort', () => resolve(undefined)));

  const parseEvents = createSseParser();
  let eventCount = 0;
  let otherUser: 'wrong-user' | undefined;
  const onText = (text: string): void => {
    idleTimeout.recordActivity();
    if (text !== '') progress = progress === 'sent' ? 'head' : 'heartbeat';
    if (progress === 'heartbeat') secondPartAt = Math.min(secondPartAt, now());
    const events = parseEvents(text);
    eventCount += events.length;
    if (otherUser === undefined && !events.every(onEvent)) otherUser = 'wrong-user';
    if (otherUser !== undefined || text.length > MAX_CONNECTION_CHARS) end();
  };
  const headers = { Accept: 'text/event-stream', ...(lastEventId === '' ? {} : { 'Last-Event-ID': lastEventId }) };
  const tokens = createTokenProvider(getToken);
  const authorizedFetch = createAuthorizedFetch(fetch, createTokenSource(tokens.getToken), signal);
  let reason: ConnectionReason = 'network-unreachable';
  let needsSignIn = false;
  let retryAfterMs = 0;
  let isComplete = false;
  try {
    const request = authorizedFetch(requestUrl(url, idleTimeoutMs, boundedMs), { headers }, onText);
    const result = await Promise.race([request, ended]);
    // Something on the path may answer in the server's place, such as a page for maintenance with status 200.
    isComplete = eventCount > 0 && (result?.response.ok ?? false);
    if (result && !isComplete) {
      const { response, text } = result;
      const body = parseResponseBody(text);
      reason = explainResponse({ status: response.status, text, body, endpoint: '_stream' });
    }
    retryAfterMs = parseRetryAfter(result?.response.headers.get('Retry-After') ?? null, now());
  } catch (error) {
    // The connection was interrupted. The next one continues after the last event.
    needsSignIn = error instanceof SignInError;
    reason = error instanceof SyntaxError ? 'invalid-response' : reasonOfFailure(error);
  }
  end();
  if (timedOutAfter !== undefined) reason = tokens.isPending() ? 'token-timeout' : 'response-timeout';
  return {
    needsSignIn: needsSignIn || otherUser !== undefined,
    reason: otherUser ?? reason,
    retryAfterMs,
    lastActivityAt: idleTimeout.lastActivityAt(),
    timedOutAfter,
    // A proxy that buffers the rest of a response sends it at the end.
    hasHeartbeat: now() - secondPartAt > MIN_LEAD_MS,
    isComplete,
  };
}
