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
const PATIENCE_MS = 15_000;

const reasonOf = (answer: unknown, status: number): string => {
  const { reason: told, detail } = (answer ?? {}) as { readonly reason?: unknown; readonly detail?: unknown };
  const reason = told ?? detail;
  return typeof reason === 'string' ? reason : `The server answered with an error (${status}).`;
};

type Call = (method: string, path: string, body?: object, token?: string) => Promise<unknown>;

/** A call below `base`. It rejects with ApiError, or with fetch's own when the network fails. */
const callBelow =
  (base: string, fetch: typeof globalThis.fetch): Call =>
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
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const answer: unknown = response.status === 204 ? undefined : await response.json().catch(() => undefined);
    if (!response.ok) throw new ApiError(response.status, reasonOf(answer, response.status));
    return answer;
  };

const here: typeof globalThis.fetch = (...asked) => globalThis.fetch(...asked);

/** `base` is where the API is, e.g. `/api/auth`. Every call rejects with ApiError, or with fetch's own when the network fails. */
export function createApi(base: string, fetch = here): Api {
  const call = callBelow(base, fetch);
  return {
    options: async () => (await call('GET', '/options')) as SignInOptions,
    register: async (credentials) => (await call('POST', '/register', credentials)) as Session,
    signIn: async (credentials) => (await call('POST', '/sign-in', credentials)) as Session,
    refresh: async () => {
      try {
        return (await call('POST', '/refresh')) as Session;
      } catch (error) {
        if (error instanceof ApiError && error.status === 401) return undefined;
        throw error;
      }
    },
    signOut: async () => {
      await call('POST', '/sign-out');
    },
    sessions: async (token) => (await call('GET', '/sessions', undefined, token)) as SessionList,
    endSession: async (token, id) => {
      await call('DELETE', `/sessions/${encodeURIComponent(id)}`, undefined, token);
    },
    endOtherSessions: async (token) => {
      await call('DELETE', '/sessions', undefined, token);
    },
  };
}

/** The same below `/api/users/telegram`. */
export function createTelegramApi(base: string, fetch = here): TelegramApi {
  const call = callBelow(base, fetch);
  return {
    chats: async (token) => (await call('GET', '', undefined, token)) as TelegramChats,
    link: async (token) => (await call('POST', '/link', undefined, token)) as TelegramLink,
    unlink: async (token, id) => {
      await call('DELETE', `/${encodeURIComponent(id)}`, undefined, token);
    },
  };
}
