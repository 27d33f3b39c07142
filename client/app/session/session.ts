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
import { createDevicesHere, type DevicesHere } from './local-devices.ts';
import type { Remembered } from './local-storage.ts';
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
  readonly endDevice: (id: string) => Promise<void>;
  readonly endOtherDevices: () => Promise<void>;
  /** The person's linked chats; undefined where there is no bot. */
  readonly chats: () => Promise<readonly TelegramChat[] | undefined>;
  readonly linkChat: () => Promise<TelegramLink>;
  readonly unlinkChat: (id: string) => Promise<void>;
  /** More devices of the same person, in this page. */
  readonly devicesHere: Pick<DevicesHere, 'open' | 'close' | 'openAll'>;
  /** All stores that are open in this page. */
  readonly stores: () => readonly AppStore[];
}

export interface AppSessionOptions {
  readonly api: Api;
  readonly telegram: TelegramApi;
  readonly tokens: Tokens;
  readonly remembered: Remembered;
  /** The database on the server. */
  readonly url: string;
  /** What ids of user documents begin with there. */
  readonly idPrefix: string;
  /** What another device in this page, by its namespace, has of its own. */
  readonly environmentOf: (namespace: string) => Partial<Environment>;
  /** The person has left: what the page keeps for itself can go too. */
  readonly onLeft: () => void;
}

export function createAppSession(options: AppSessionOptions): AppSession {
  const { api, telegram, tokens, remembered, url, idPrefix, environmentOf, onLeft } = options;
  const listeners = new Set<() => void>();
  let state: SessionState = { kind: 'signed-out' };

  const show = (next: SessionState): void => {
    state = next;
    for (const listener of listeners) listener();
  };

  const devicesHere = createDevicesHere({
    create: (namespace) => {
      if (state.kind !== 'signed-in') throw new Error('Nobody is signed in here.');
      const { username } = state;
      const getToken: GetToken = (refused) => tokens.get(username, refused);
      const environment = environmentOf(namespace);
      return createPreferencesStore({ url, idPrefix, username, getToken, namespace, environment });
    },
    used: { read: remembered.namespaces, write: remembered.setNamespaces },
  });

  const leave = (): void => {
    tokens.clear();
    remembered.forgetUser();
    onLeft();
    show({ kind: 'signed-out' });
  };

  const open = (username: string): void => {
    const store = createPreferencesStore({
      url,
      idPrefix,
      username,
      getToken: (refused) => tokens.get(username, refused),
      // Whoever signs out in another tab signs out every device there is in this browser.
      onSignedOut: () => {
        devicesHere.closeAll();
        leave();
      },
    });
    show({ kind: 'signed-in', username, store });
  };

  const enter = (session: Session): void => {
    if (state.kind === 'signed-in' && state.username !== session.username) {
      throw new Error(`This page shows the preferences of ${state.username}. Sign out first.`);
    }
    tokens.take(session);
    remembered.setSignOutPending(false);
    remembered.setUsername(session.username);
    if (state.kind === 'signed-in') state.store.retry();
    else open(session.username);
  };

  /** Tells the server of a sign-out; when that cannot be done now, at the next start. */
  const endOnServer = async (): Promise<void> => {
    try {
      await api.signOut();
      remembered.setSignOutPending(false);
    } catch {
      remembered.setSignOutPending(true);
    }
  };

  const withToken = async <T>(call: (token: string) => Promise<T>): Promise<T> => {
    const username = state.kind === 'signed-in' ? state.username : '';
    const token = await tokens.get(username);
    if (token === undefined) throw new ApiError(401, 'Sign in again to see your devices.');
    try {
      return await call(token);
    } catch (error) {
      const renewed = error instanceof ApiError && error.status === 401 ? await tokens.get(username, token) : undefined;
      if (renewed === undefined) throw error;
      return call(renewed);
    }
  };

  // What a sign-out that was cut off has left in this browser. One whose user is here again is seen to by the store.
  const erased = Promise.all(
    [undefined, ...remembered.namespaces()].map((namespace) =>
      eraseLocalData(namespace === undefined ? {} : { namespace }).catch((error: unknown) => console.warn(error)),
    ),
  );

  const username = remembered.username();
  // Nobody signs in before: the answer to the old sign-out would take the new sign-in's cookie away.
  const settled = Promise.all([
    erased,
    username === undefined && remembered.isSignOutPending() ? endOnServer() : undefined,
  ]);
  if (username !== undefined) open(username);

  return {
    state: () => state,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    options: api.options,
    signIn: async (credentials) => {
      await settled;
      enter(await api.signIn(credentials));
    },
    register: async (credentials) => {
      await settled;
      enter(await api.register(credentials));
    },
    signOut: async () => {
      if (state.kind !== 'signed-in') return;
      // Should this be cut off, the next page must not take the person for signed in.
      remembered.forgetUser();
      remembered.setSignOutPending(true);
      // Whatever the browser makes of removing the data, the person is not signed in any more.
      await Promise.all([state.store.signOut().catch(() => undefined), devicesHere.signOut()]);
      leave();
      await endOnServer();
    },
    devices: async () => (await withToken(api.sessions)).sessions,
    endDevice: (id) => withToken((token) => api.endSession(token, id)),
    endOtherDevices: () => withToken(api.endOtherSessions),
    chats: async () => ((await api.options()).telegram ? (await withToken(telegram.chats)).chats : undefined),
    linkChat: () => withToken(telegram.link),
    unlinkChat: (id) => withToken((token) => telegram.unlink(token, id)),
    devicesHere,
    stores: () => (state.kind === 'signed-in' ? [state.store, ...devicesHere.stores()] : []),
  };
}
