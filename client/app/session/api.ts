/** A client for the HTTP API. Its types are those of the server (server/contract.ts). */
import type {
  Credentials,
  Session,
  SessionList,
  SignInOptions,
  TelegramChats,
  TelegramLink,
} from '../../../server/contract.ts';

/** An error response. Its message is the server's reason, which can be shown to the user. */
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
  /** Resolves with undefined when the browser's session has ended. */
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

/** Short, because a person is waiting. */
const REQUEST_TIMEOUT_MS = 15_000;

const getErrorReason = (body: unknown, status: number): string => {
  const { reason: couchReason, detail } = (body ?? {}) as { readonly reason?: unknown; readonly detail?: unknown };
  const reason = couchReason ?? detail;
  return typeof reason === 'string' ? reason : `The server returned an error (${status}).`;
};

type SendRequest = (method: string, path: string, body?: object, token?: string) => Promise<unknown>;

/** Returns a function that sends requests below `base`. They reject with an ApiError, or as `fetch` does. */
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

/**
 * Creates a client for the authentication API at `base`, e.g. `/api/auth`. Requests reject with an ApiError for an error
 * response, and as `fetch` does when the network fails or after 15 seconds.
 */
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

/** Creates a client for the Telegram API at `base`, e.g. `/api/users/telegram`. Errors are those of `createApi`. */
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
