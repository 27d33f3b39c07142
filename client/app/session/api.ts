/** The HTTP API as the page calls it. The shapes are the server's own: server/contract.ts. */
import type {
  Credentials,
  Session,
  SessionList,
  SignInOptions,
  TelegramChats,
  TelegramLink,
} from '../../../server/contract.ts';

/** An answer that says no, with the server's reason for a person to read. */
export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, reason: string) {
    super(reason);
    this.name = 'ApiError';
    this.status = status;
  }
}

export interface Api {
  readonly options: () => Promise<SignInOptions>;
  readonly register: (credentials: Credentials) => Promise<Session>;
  readonly signIn: (credentials: Credentials) => Promise<Session>;
  /** Undefined when the browser's sign-in is over. */
  readonly refresh: () => Promise<Session | undefined>;
  readonly signOut: () => Promise<void>;
  readonly sessions: (token: string) => Promise<SessionList>;
  readonly endSession: (token: string, id: string) => Promise<void>;
  readonly endOtherSessions: (token: string) => Promise<void>;
}

/** The user's chats with the Telegram bot. */
export interface TelegramApi {
  readonly chats: (token: string) => Promise<TelegramChats>;
  readonly link: (token: string) => Promise<TelegramLink>;
  readonly unlink: (token: string, id: string) => Promise<void>;
}

/** A request that takes longer has failed: a person is waiting. */
const REQUEST_TIMEOUT_MS = 15_000;

const getErrorReason = (body: unknown, status: number): string => {
  const { reason: couchReason, detail } = (body ?? {}) as { readonly reason?: unknown; readonly detail?: unknown };
  const reason = couchReason ?? detail;
  return typeof reason === 'string' ? reason : `The server returned an error (${status}).`;
};

type SendRequest = (method: string, path: string, body?: object, token?: string) => Promise<unknown>;

/** A call below `base`. It rejects with ApiError, or with fetch's own when the network fails. */
const createRequester =
  (base: string, fetch: typeof globalThis.fetch): SendRequest =>
  async (method, path, body, token) => {
    const response = await fetch(base + path, {
      method,
      headers: {
        Accept: 'application/json',
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      credentials: 'same-origin',
      cache: 'no-store',
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    const responseBody: unknown = response.status === 204 ? undefined : await response.json().catch(() => undefined);
    if (!response.ok) throw new ApiError(response.status, getErrorReason(responseBody, response.status));
    return responseBody;
  };

const browserFetch: typeof globalThis.fetch = (...args) => globalThis.fetch(...args);

/** `base` is where the API is, e.g. `/api/auth`. Every call rejects with ApiError, or with fetch's own when the network fails. */
export function createApi(base: string, fetch = browserFetch): Api {
  const request = createRequester(base, fetch);
  return {
    options: async () => (await request('GET', '/options')) as SignInOptions,
    register: async (credentials) => (await request('POST', '/register', credentials)) as Session,
    signIn: async (credentials) => (await request('POST', '/sign-in', credentials)) as Session,
    refresh: async () => {
      try {
        return (await request('POST', '/refresh')) as Session;
      } catch (error) {
        if (error instanceof ApiError && error.status === 401) return undefined;
        throw error;
      }
    },
    signOut: async () => {
      await request('POST', '/sign-out');
    },
    sessions: async (token) => (await request('GET', '/sessions', undefined, token)) as SessionList,
    endSession: async (token, id) => {
      await request('DELETE', `/sessions/${encodeURIComponent(id)}`, undefined, token);
    },
    endOtherSessions: async (token) => {
      await request('DELETE', '/sessions', undefined, token);
    },
  };
}

/** The same below `/api/users/telegram`. */
export function createTelegramApi(base: string, fetch = browserFetch): TelegramApi {
  const request = createRequester(base, fetch);
  return {
    chats: async (token) => (await request('GET', '', undefined, token)) as TelegramChats,
    link: async (token) => (await request('POST', '/link', undefined, token)) as TelegramLink,
    unlink: async (token, id) => {
      await request('DELETE', `/${encodeURIComponent(id)}`, undefined, token);
    },
  };
}
