/** Who is signed in to this page, and the store of their preferences: made here, outside of React. */
import type {
  Credentials,
  Session,
  SessionSummary,
  SignInOptions,
  TelegramChat,
  TelegramLink,
} from '../../../server/contract.ts';
import { createPreferencesStore, eraseLocalData, type Environment, type GetToken } from '../../index.ts';
import type { AppStore } from '../store-types.ts';
import { ApiError, type Api, type TelegramApi } from './api.ts';
import { createLocalDevices, type LocalDevices } from './local-devices.ts';
import type { AppStorage } from './local-storage.ts';
import type { Tokens } from './tokens.ts';

export type SessionState =
  | { readonly kind: 'signed-out' }
  /** The data is readable and editable also when the sign-in is over: the store's status says that it is. */
  | { readonly kind: 'signed-in'; readonly username: string; readonly store: AppStore };

export interface AppSession {
  readonly state: () => SessionState;
  readonly subscribe: (listener: () => void) => () => void;
  readonly options: () => Promise<SignInOptions>;
  /** Rejects with a sentence to show. */
  readonly signIn: (credentials: Credentials) => Promise<void>;
  readonly register: (credentials: Credentials) => Promise<void>;
  readonly signOut: () => Promise<void>;
  readonly devices: () => Promise<readonly SessionSummary[]>;
  readonly signOutDevice: (id: string) => Promise<void>;
  readonly signOutOtherDevices: () => Promise<void>;
  /** The person's linked chats; undefined where there is no bot. */
  readonly chats: () => Promise<readonly TelegramChat[] | undefined>;
  readonly linkChat: () => Promise<TelegramLink>;
  readonly unlinkChat: (id: string) => Promise<void>;
  /** More devices of the same person, in this page. */
  readonly localDevices: Pick<LocalDevices, 'open' | 'close' | 'openAll'>;
  /** All stores that are open in this page. */
  readonly stores: () => readonly AppStore[];
}

export interface AppSessionOptions {
  readonly api: Api;
  readonly telegram: TelegramApi;
  readonly tokens: Tokens;
  readonly appStorage: AppStorage;
  /** The database on the server. */
  readonly url: string;
  /** What ids of user documents begin with there. */
  readonly idPrefix: string;
  /** What another device in this page, by its namespace, has of its own. */
  readonly getEnvironment: (namespace: string) => Partial<Environment>;
  /** The person has left: what the page keeps for itself can go too. */
  readonly onSignedOut: () => void;
}

export function createAppSession(options: AppSessionOptions): AppSession {
  const { api, telegram, tokens, appStorage, url, idPrefix, getEnvironment, onSignedOut } = options;
  const listeners = new Set<() => void>();
  let state: SessionState = { kind: 'signed-out' };

  const setState = (next: SessionState): void => {
    state = next;
    for (const listener of listeners) listener();
  };

  const localDevices = createLocalDevices({
    create: (namespace) => {
      if (state.kind !== 'signed-in') throw new Error('Nobody is signed in here.');
      const { username } = state;
      const getToken: GetToken = (refused) => tokens.get(username, refused);
      const environment = getEnvironment(namespace);
      return createPreferencesStore({ url, idPrefix, username, getToken, namespace, environment });
    },
    usedNamespaces: { read: appStorage.namespaces, write: appStorage.setNamespaces },
  });

  const clearSession = (): void => {
    tokens.clear();
    appStorage.clearUser();
    onSignedOut();
    setState({ kind: 'signed-out' });
  };

  const openStore = (username: string): void => {
    const store = createPreferencesStore({
      url,
      idPrefix,
      username,
      getToken: (refused) => tokens.get(username, refused),
      // Whoever signs out in another tab signs out every device there is in this browser.
      onSignedOut: () => {
        localDevices.closeAll();
        clearSession();
      },
    });
    setState({ kind: 'signed-in', username, store });
  };

  const startSession = (session: Session): void => {
    if (state.kind === 'signed-in' && state.username !== session.username) {
      throw new Error(`This page shows the preferences of ${state.username}. Sign out first.`);
    }
    tokens.setSession(session);
    appStorage.setSignOutPending(false);
    appStorage.setUsername(session.username);
    if (state.kind === 'signed-in') state.store.retry();
    else openStore(session.username);
  };

  /** Tells the server of a sign-out; when that cannot be done now, at the next start. */
  const signOutOnServer = async (): Promise<void> => {
    try {
      await api.signOut();
      appStorage.setSignOutPending(false);
    } catch {
      appStorage.setSignOutPending(true);
    }
  };

  const withToken = async <T>(request: (token: string) => Promise<T>): Promise<T> => {
    const username = state.kind === 'signed-in' ? state.username : '';
    const token = await tokens.get(username);
    if (token === undefined) throw new ApiError(401, 'Sign in again to see your devices.');
    try {
      return await request(token);
    } catch (error) {
      const renewed = error instanceof ApiError && error.status === 401 ? await tokens.get(username, token) : undefined;
      if (renewed === undefined) throw error;
      return request(renewed);
    }
  };

  // What a sign-out that was cut off has left in this browser. One whose user is here again is seen to by the store.
  const leftoversErased = Promise.all(
    [undefined, ...appStorage.namespaces()].map((namespace) =>
      eraseLocalData(namespace === undefined ? {} : { namespace }).catch((error: unknown) => console.warn(error)),
    ),
  );

  const username = appStorage.username();
  // Nobody signs in before: the answer to the old sign-out would take the new sign-in's cookie away.
  const startupDone = Promise.all([
    leftoversErased,
    username === undefined && appStorage.isSignOutPending() ? signOutOnServer() : undefined,
  ]);
  if (username !== undefined) openStore(username);

  return {
    state: () => state,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    options: api.options,
    signIn: async (credentials) => {
      await startupDone;
      startSession(await api.signIn(credentials));
    },
    register: async (credentials) => {
      await startupDone;
      startSession(await api.register(credentials));
    },
    signOut: async () => {
      if (state.kind !== 'signed-in') return;
      // Should this be cut off, the next page must not take the person for signed in.
      appStorage.clearUser();
      appStorage.setSignOutPending(true);
      // Whatever the browser makes of removing the data, the person is not signed in any more.
      await Promise.all([state.store.signOut().catch(() => undefined), localDevices.signOut()]);
      clearSession();
      await signOutOnServer();
    },
    devices: async () => (await withToken(api.sessions)).sessions,
    signOutDevice: (id) => withToken((token) => api.endSession(token, id)),
    signOutOtherDevices: () => withToken(api.endOtherSessions),
    chats: async () => ((await api.options()).telegram ? (await withToken(telegram.chats)).chats : undefined),
    linkChat: () => withToken(telegram.link),
    unlinkChat: (id) => withToken((token) => telegram.unlink(token, id)),
    localDevices,
    stores: () => (state.kind === 'signed-in' ? [state.store, ...localDevices.stores()] : []),
  };
}
