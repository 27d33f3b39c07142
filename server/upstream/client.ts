import nano from 'nano';
import { DecoratorHandler, Pool, type Dispatcher } from 'undici';

/** Where the upstream is and as whom we speak to it. The URL carries no credentials; it may carry a path prefix. */
export interface UpstreamAccess {
  readonly url: string;
  readonly username: string;
  readonly password: string;
}

/** The upstream, with the one pool of connections that all of a process's own requests to it share. */
export interface Upstream {
  readonly access: UpstreamAccess;
  /**
   * A nano client with the credentials in the Authorization header, so that they are in no URL that an error or a log may
   * show (nano writes `XXXXXX` over that header in the errors it throws).
   *
   * What callers see:
   * - CouchDB said no (status 400 and above): an `Error` with `statusCode`, `error`, `reason` (see `statusOf`);
   * - no answer (refused, reset, redirect, no byte for `timeoutMs`): an `Error` without `statusCode`;
   * - a 2xx that is no JSON: nano resolves with `''` or a Buffer, so what matters is to be parsed by the caller.
   */
  readonly couch: nano.ServerScope;
  /** `fetch` of a path below the upstream's URL, over the same connections, and with no credentials of ours. */
  readonly fetch: (path: string, init: RequestInit) => Promise<Response>;
  /** How many connections are open. */
  readonly connections: number;
  /** Breaks off what is under way. */
  close(): Promise<void>;
}

/** A request of ours as the upstream was asked it: the path is below the upstream's URL, with its query. */
export interface UpstreamRequestInfo {
  readonly method: string;
  readonly path: string;
}

export interface UpstreamOptions {
  /** Bounds the silence before an answer, and a shorter one within it; not the whole request. */
  readonly timeoutMs?: number;
  /** Told of each request once its status is there; undefined: there was no answer. */
  readonly onResponse?: (asked: UpstreamRequestInfo, status: number | undefined) => void;
}

/** Longer than the slowest single read or write that we make, shorter than a person's patience. */
const REQUEST_TIMEOUT_MS = 30_000;
/**
 * An answer that has begun and pauses for so long has broken off: CouchDB begins one with its first row. A caller's `signal`
 * need not end it: of an answer that has begun Node's and undici's `fetch` lose sight of theirs when memory is tidied up, if
 * they were asked to take redirects for errors, as nano asks.
 */
const MAX_RESPONSE_PAUSE_MS = 5_000;
/** Requests beyond this wait for a place: an upstream that is slow is not helped by more of them. */
const MAX_CONNECTIONS = 6;

export function openUpstream(access: UpstreamAccess, options: UpstreamOptions = {}): Upstream {
  const { timeoutMs = REQUEST_TIMEOUT_MS, onResponse } = options;
  const { origin, pathname } = new URL(access.url);
  // nano has no timeout of its own, and fetch's is five minutes.
  const pool = new Pool(origin, {
    connections: MAX_CONNECTIONS,
    headersTimeout: timeoutMs,
    bodyTimeout: Math.min(timeoutMs, MAX_RESPONSE_PAUSE_MS),
  });
  const prefix = pathname.replace(/\/$/, '').length;
  const dispatcher = (onlyJson: boolean): Dispatcher =>
    pool.compose((dispatch) => (asked, handler) => {
      const requestInfo = { method: asked.method, path: asked.path.slice(prefix) };
      return dispatch(asked, new ResponseObserver(handler, onlyJson, (status) => onResponse?.(requestInfo, status)));
    });
  const [forNano, forFetch] = [dispatcher(true), dispatcher(false)];
  const settings = {
    url: access.url,
    headers: { Authorization: authorizationOf(access) },
    // Or else nano takes a path prefix for a database and returns that instead of the server.
    parseUrl: false,
  };
  const configuration: nano.Configuration = settings;
  return {
    access,
    // Its types ask for a class where it takes an instance.
    couch: nano(Object.assign(configuration, { agentOptions: forNano })),
    // `dispatcher` is Node's own addition to what the standard says of fetch.
    fetch: (path, init) => fetch(`${access.url}${path}`, Object.assign({ dispatcher: forFetch }, init)),
    get connections() {
      return pool.stats.connected;
    },
    close: () => pool.destroy(),
  };
}

/** A nano client with connections of its own, for what stands outside the server. */
export const connect = (access: UpstreamAccess, timeoutMs: number = REQUEST_TIMEOUT_MS): nano.ServerScope =>
  openUpstream(access, { timeoutMs }).couch;

/**
 * Hears of an answer's status, or that there is none, once. With `onlyJson` it lets by what CouchDB answers with: of anything
 * but JSON (a balancer's page, say) nano reads the body where nobody waits for it, and one that breaks off would end the
 * process. No cookie is let by: nano keeps each for ever.
 */
class ResponseObserver extends DecoratorHandler {
  readonly #handler: Dispatcher.DispatchHandlers;
  readonly #onlyJson: boolean;
  #onStatus: ((status: number | undefined) => void) | undefined;

  constructor(handler: Dispatcher.DispatchHandlers, onlyJson: boolean, tell: (status: number | undefined) => void) {
    super(handler);
    this.#handler = handler;
    this.#onlyJson = onlyJson;
    this.#onStatus = tell;
  }

  onHeaders(...head: Parameters<NonNullable<Dispatcher.DispatchHandlers['onHeaders']>>): boolean {
    const [status, fields, ...rest] = head;
    // 1xx is told before the answer, and is none.
    if (status < 200) return this.#handler.onHeaders?.(...head) ?? true;
    this.#reportStatus(status);
    const pairs = toHeaderPairs(fields);
    // An error in an interceptor is the request's: it rejects, and the connection is closed.
    if (this.#onlyJson && !pairs.some(isJson)) throw new Error(`status ${status} without JSON`);
    return this.#handler.onHeaders?.(status, pairs.filter(isNotSetCookie).flat(), ...rest) ?? true;
  }

  onError(error: Error): void {
    this.#reportStatus(undefined);
    this.#handler.onError?.(error);
  }

  #reportStatus(status: number | undefined): void {
    this.#onStatus?.(status);
    this.#onStatus = undefined;
  }
}

type HeaderPair = readonly [Buffer, Buffer];

/** Header fields as undici tells them: names and values by turns. */
const toHeaderPairs = (fields: readonly Buffer[]): HeaderPair[] =>
  fields.flatMap((name, index) => {
    const value = fields[index + 1];
    return index % 2 === 0 && value !== undefined ? [[name, value] as const] : [];
  });

const isJson = ([name, value]: HeaderPair): boolean =>
  name.toString('latin1').toLowerCase() === 'content-type' && /^application\/json\b/i.test(value.toString('latin1'));

const isNotSetCookie = ([name]: HeaderPair): boolean => name.toString('latin1').toLowerCase() !== 'set-cookie';

/** The value of the Authorization header (RFC 7617, UTF-8). */
export function authorizationOf({ username, password }: Omit<UpstreamAccess, 'url'>): string {
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
}

/** The HTTP status that the upstream answered with, when `error` is such an answer. */
export function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('statusCode' in error)) return undefined;
  return typeof error.statusCode === 'number' ? error.statusCode : undefined;
}
