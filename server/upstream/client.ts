import type { IncomingHttpHeaders } from 'node:http';
import nano from 'nano';
import { DecoratorHandler, Pool, type Dispatcher } from 'undici';
import { UpstreamClock, type UpstreamClockOptions } from './clock/upstream-clock.ts';

/** The upstream's address and the service account. The URL carries no credentials; it may carry a path prefix. */
export interface UpstreamAccess {
  /** The URL of the CouchDB server, such as `http://127.0.0.1:5984`. */
  readonly url: string;
  /** The name of the account that the gate authenticates as. */
  readonly username: string;
  /** The password of that account. */
  readonly password: string;
}

/** The upstream, with the one connection pool that all of a process's own requests share. */
export interface Upstream {
  readonly access: UpstreamAccess;
  /**
   * A nano client. It sends the credentials in the Authorization header, so that no URL in an error or a log contains
   * them. (nano overwrites that header with `XXXXXX` in the errors it throws.)
   *
   * Outcomes for the caller:
   * - CouchDB returned 400 or above: rejects with an `Error` with `statusCode`, `error` and `reason` (see `statusOf`);
   * - no response (refused, reset, redirect, no byte for `timeoutMs`): rejects with an `Error` without `statusCode`;
   * - a 2xx without JSON: resolves with `''` or a Buffer, so the caller must validate what it reads.
   */
  readonly couch: nano.ServerScope;
  /** `fetch` of a path below the upstream's URL, over the same connections, without the service account's credentials. */
  readonly fetch: (path: string, init: RequestInit) => Promise<Response>;
  /** The upstream's clock, as the responses over these connections show it. */
  readonly clock: UpstreamClock;
  /** Number of open connections. */
  readonly connections: number;
  /** Closes the pool and aborts the requests in progress. */
  close(): Promise<void>;
}

/** A request as it was sent. The path is relative to the upstream's URL and includes the query. */
export interface UpstreamRequestInfo {
  readonly method: string;
  readonly path: string;
}

/** Options of {@link openUpstream}. */
export interface UpstreamOptions {
  /** Limits the wait for the headers and, up to 5 s, each pause within the body. Does not limit the whole request. */
  readonly timeoutMs?: number;
  /** Called once per request with the response's status, or undefined if there was no response. */
  readonly onResponse?: (request: UpstreamRequestInfo, status: number | undefined) => void;
  readonly clock?: UpstreamClockOptions | undefined;
}

/** Longer than the slowest single read or write of the gate, shorter than a person would wait. */
const REQUEST_TIMEOUT_MS = 30_000;
/**
 * A response that pauses for longer than this counts as aborted: CouchDB starts one only with its first row. A caller's
 * `signal` may not end it. With `redirect: 'error'`, which nano sets, the `fetch` of Node and undici loses its signal to
 * garbage collection once the response has started.
 */
const MAX_RESPONSE_PAUSE_MS = 5_000;
/** Requests beyond this limit wait: more concurrency does not help a slow upstream. */
const MAX_CONNECTIONS = 6;

/** Opens the connection pool of one process. No connection is made before the first request. */
export function openUpstream(access: UpstreamAccess, options: UpstreamOptions = {}): Upstream {
  const { timeoutMs = REQUEST_TIMEOUT_MS, onResponse } = options;
  const clock = new UpstreamClock(options.clock);
  const { origin, pathname } = new URL(access.url);
  // nano has no timeout, and that of `fetch` is five minutes.
  const pool = new Pool(origin, {
    connections: MAX_CONNECTIONS,
    headersTimeout: timeoutMs,
    bodyTimeout: Math.min(timeoutMs, MAX_RESPONSE_PAUSE_MS),
  });
  const prefixLength = pathname.replace(/\/$/, '').length;
  const dispatcher = (onlyJson: boolean): Dispatcher =>
    pool.compose((dispatch) => (request, handler) => {
      const requestInfo = { method: request.method, path: request.path.slice(prefixLength) };
      const onStatus = (status: number | undefined): void => onResponse?.(requestInfo, status);
      return dispatch(request, new ResponseObserver(handler, { onlyJson, onStatus, clock }));
    });
  const [nanoDispatcher, fetchDispatcher] = [dispatcher(true), dispatcher(false)];
  const settings = {
    url: access.url,
    headers: { Authorization: authorizationOf(access) },
    // Otherwise nano takes a path prefix for a database and returns a client of that database.
    parseUrl: false,
  };
  const configuration: nano.Configuration = settings;
  return {
    access,
    // nano's types require a class where nano takes an instance.
    couch: nano(Object.assign(configuration, { agentOptions: nanoDispatcher })),
    // `dispatcher` is an option of Node's `fetch` beyond the standard.
    fetch: (path, init) => fetch(`${access.url}${path}`, Object.assign({ dispatcher: fetchDispatcher }, init)),
    clock,
    get connections() {
      return pool.stats.connected;
    },
    close: () => pool.destroy(),
  };
}

/** Returns a nano client with its own connection pool, for programs outside the server. */
export const connect = (access: UpstreamAccess, timeoutMs: number = REQUEST_TIMEOUT_MS): nano.ServerScope =>
  openUpstream(access, { timeoutMs }).couch;

interface ResponseObserverOptions {
  readonly onlyJson: boolean;
  readonly onStatus: (status: number | undefined) => void;
  readonly clock: UpstreamClock;
}

/**
 * Reports a response's status, or that there is none, once, and its date to the clock. A response that is not JSON is a load
 * balancer's, with a clock of its own. With `onlyJson` it rejects any response that is not JSON, such
 * as a load balancer's page: nano reads such a body without a listener for its errors, so an aborted one would end the
 * process. It removes `Set-Cookie`, because nano keeps every cookie.
 */
class ResponseObserver implements Dispatcher.DispatchHandler {
  /** Adapts the handler of this Node's `fetch`, whose interface depends on the version of Node. */
  readonly #handler: Dispatcher.DispatchHandler;
  readonly #onlyJson: boolean;
  readonly #clock: UpstreamClock;
  #onStatus: ((status: number | undefined) => void) | undefined;
  #sentAt: number;

  constructor(handler: Dispatcher.DispatchHandler, { onlyJson, onStatus, clock }: ResponseObserverOptions) {
    this.#handler = new DecoratorHandler(handler);
    this.#onlyJson = onlyJson;
    this.#onStatus = onStatus;
    this.#clock = clock;
    this.#sentAt = clock.elapsed();
  }

  onRequestStart(...args: HandlerArguments<'onRequestStart'>): void {
    // The request may have waited for a connection.
    this.#sentAt = this.#clock.elapsed();
    this.#handler.onRequestStart?.(...args);
  }

  onResponseStart(...[controller, status, headers, text]: HandlerArguments<'onResponseStart'>): void {
    // A 1xx precedes the final response.
    if (status < 200) return;
    this.#reportStatus(status);
    const { date } = headers;
    if (isJson(headers)) this.#clock.onResponse(Array.isArray(date) ? date[0] : date, this.#sentAt);
    // An error thrown in an interceptor rejects the request and closes the connection.
    if (this.#onlyJson && !isJson(headers)) throw new Error(`status ${status} without JSON`);
    delete headers['set-cookie'];
    this.#handler.onResponseStart?.(controller, status, headers, text);
  }

  onResponseData(...args: HandlerArguments<'onResponseData'>): void {
    this.#handler.onResponseData?.(...args);
  }

  onResponseEnd(...args: HandlerArguments<'onResponseEnd'>): void {
    this.#handler.onResponseEnd?.(...args);
  }

  onResponseError(...args: HandlerArguments<'onResponseError'>): void {
    this.#reportStatus(undefined);
    this.#handler.onResponseError?.(...args);
  }

  #reportStatus(status: number | undefined): void {
    this.#onStatus?.(status);
    this.#onStatus = undefined;
  }
}

type HandlerArguments<Name extends keyof Dispatcher.DispatchHandler> = Parameters<
  NonNullable<Dispatcher.DispatchHandler[Name]>
>;

const isJson = ({ 'content-type': type }: IncomingHttpHeaders): boolean =>
  type !== undefined && /^application\/json\b/i.test(type);

/** Returns the `Authorization` header for HTTP Basic authentication (RFC 7617, UTF-8). */
export function authorizationOf({ username, password }: Omit<UpstreamAccess, 'url'>): string {
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
}

/** Returns the HTTP status of a nano error; undefined if there was no response, or the error is of another kind. */
export function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('statusCode' in error)) return undefined;
  return typeof error.statusCode === 'number' ? error.statusCode : undefined;
}
