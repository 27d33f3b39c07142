/** Requests about the signed-in user's account: their devices and their Telegram chats. */
import type { SessionSummary, TelegramChat, TelegramLink } from '../../../server/contract.ts';
import { ApiError, type Api, type TelegramApi } from './api.ts';
import type { Tokens } from './tokens.ts';

/** Every request rejects with an error that `getErrorMessage` turns into a sentence. */
export interface AccountRequests {
  readonly devices: () => Promise<readonly SessionSummary[]>;
  readonly signOutDevice: (id: string) => Promise<void>;
  readonly signOutOtherDevices: () => Promise<void>;
  /** Resolves with the user's linked chats, or with undefined where the server has no bot. */
  readonly chats: () => Promise<readonly TelegramChat[] | undefined>;
  readonly linkChat: () => Promise<TelegramLink>;
  readonly unlinkChat: (id: string) => Promise<void>;
}

export interface AccountRequestsOptions {
  readonly api: Api;
  readonly telegram: TelegramApi;
  readonly tokens: Pick<Tokens, 'get'>;
  /** The signed-in user, or an empty string. */
  readonly username: () => string;
}

export function createAccountRequests({ api, telegram, tokens, username }: AccountRequestsOptions): AccountRequests {
  /** Sends a request with the access token. On a 401 it renews the token and retries once. */
  const withToken = async <T>(request: (token: string) => Promise<T>): Promise<T> => {
    const user = username();
    const token = await tokens.get(user);
    if (token === undefined) throw new ApiError(401, 'Sign in again to continue.');
    try {
      return await request(token);
    } catch (error) {
      const renewed = error instanceof ApiError && error.status === 401 ? await tokens.get(user, token) : undefined;
      if (renewed === undefined) throw error;
      return request(renewed);
    }
  };

  return {
    devices: async () => (await withToken(api.sessions)).sessions,
    signOutDevice: (id) => withToken((token) => api.endSession(token, id)),
    signOutOtherDevices: () => withToken(api.endOtherSessions),
    chats: async () => ((await api.options()).telegram ? (await withToken(telegram.chats)).chats : undefined),
    linkChat: () => withToken(telegram.link),
    unlinkChat: (id) => withToken((token) => telegram.unlink(token, id)),
  };
}
