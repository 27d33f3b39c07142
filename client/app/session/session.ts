/** Who is signed in to this page, and the store of their preferences: made here, outside of React. */
import type { Credentials, Session, SessionSummary, SignInOptions } from '../../../server/contract.ts';
import { createPreferencesStore, type PreferencesStore } from '../../index.ts';
import type { Environment } from '../../platform/environment.ts';
import { ApiError, type Api } from './api.ts';
import type { Remembered } from './remembered.ts';
import type { Tokens } from './tokens.ts';

export type SessionState =
  | { readonly kind: 'signed-out' }
  /** The data is readable and editable also when the sign-in is over: the store's status says that it is. */
  | { readonly kind: 'signed-in'; readonly username: string; readonly store: PreferencesStore };

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
}

export interface AppSessionOptions {
  readonly api: Api;
  readonly tokens: Tokens;
  readonly remembered: Remembered;
  /** The database on the server. */
  readonly url: string;
  readonly environment?: Partial<Environment>;
}

export function createAppSession({ api, tokens, remembered, url, environment = {} }: AppSessionOptions): AppSession {
  const listeners = new Set<() => void>();
  let state: SessionState = { kind: 'signed-out' };

  const show = (next: SessionState): void => {
    state = next;
    for (const listener of listeners) listener();
  };

  const leave = (): void => {
    tokens.clear();
    remembered.forgetUser();
    show({ kind: 'signed-out' });
  };

  const open = (username: string): void => {
    const store = createPreferencesStore({
      url,
      username,
      getToken: (refused) => tokens.get(username, refused),
      onSignedOut: leave,
      environment,
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

  const username = remembered.username();
  if (username !== undefined) open(username);
  else if (remembered.isSignOutPending()) void endOnServer();

  return {
    state: () => state,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    options: api.options,
    signIn: async (credentials) => enter(await api.signIn(credentials)),
    register: async (credentials) => enter(await api.register(credentials)),
    signOut: async () => {
      if (state.kind !== 'signed-in') return;
      // Whatever the browser makes of removing the data, the person is not signed in any more.
      await state.store.signOut().catch(() => undefined);
      leave();
      await endOnServer();
    },
    devices: async () => (await withToken(api.sessions)).sessions,
    endDevice: (id) => withToken((token) => api.endSession(token, id)),
    endOtherDevices: () => withToken(api.endOtherSessions),
  };
}
