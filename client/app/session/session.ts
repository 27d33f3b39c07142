/** The user who is signed in to this page, and the store of their preferences. It is created outside of React. */
import type { Credentials, Session, SignInOptions } from '../../../server/contract.ts';
import { createPreferencesStore, eraseLocalData, type Environment } from '../../index.ts';
import type { AppStore } from '../store-types.ts';
import { createAccountRequests, type AccountRequests } from './account-requests.ts';
import type { Api, TelegramApi } from './api.ts';
import { createLocalDevices, type LocalDevices } from './local-devices.ts';
import type { AppStorage } from './local-storage.ts';
import type { Tokens } from './tokens.ts';

export type SessionState =
  | { readonly kind: 'signed-out' }
  /** The data stays readable and editable after the server's session has ended. The store's status reports the end. */
  | { readonly kind: 'signed-in'; readonly username: string; readonly store: AppStore };

export interface AppSession {
  /** Returns the same object until the state changes. */
  readonly state: () => SessionState;
  /** Calls `listener` after every change of the state. Returns a function that unsubscribes. */
  readonly subscribe: (listener: () => void) => () => void;
  /** Resolves with how the server allows people to sign in. */
  readonly options: () => Promise<SignInOptions>;
  /** Rejects with an error that `getErrorMessage` turns into a sentence, as `register` does. */
  readonly signIn: (credentials: Credentials) => Promise<void>;
  readonly register: (credentials: Credentials) => Promise<void>;
  /** Removes the user's data from this browser and ends the session on the server, now or at the next start. */
  readonly signOut: () => Promise<void>;
  readonly account: AccountRequests;
  /** Simulated devices of the same user on this page. */
  readonly localDevices: Pick<LocalDevices, 'open' | 'close' | 'openAll'>;
  /** Returns all stores that are open on this page. */
  readonly stores: () => readonly AppStore[];
}

export interface AppSessionOptions {
  readonly api: Api;
  readonly telegram: TelegramApi;
  readonly tokens: Tokens;
  readonly appStorage: AppStorage;
  /** The database on the server. */
  readonly url: string;
  /** The prefix of user documents' ids on the server. */
  readonly idPrefix: string;
  /** Returns what a simulated device, given by its namespace, replaces of the browser's environment. */
  readonly getEnvironment: (namespace: string) => Partial<Environment>;
  /** Called when the user has signed out, so that the page can reset what it keeps for itself. */
  readonly onSignedOut: () => void;
}

export const createAppSession = (options: AppSessionOptions): AppSession => new PageSession(options);

/** The public members are arrow functions, because components pass them on as callbacks. */
class PageSession implements AppSession {
  readonly localDevices: LocalDevices;
  readonly account: AccountRequests;
  readonly #options: AppSessionOptions;
  readonly #listeners = new Set<() => void>();
  /** Resolves when leftovers of an interrupted sign-out are removed and a pending one was sent to the server. */
  readonly #startupDone: Promise<unknown>;
  #state: SessionState = { kind: 'signed-out' };

  constructor(options: AppSessionOptions) {
    const { api, telegram, tokens, appStorage } = options;
    this.#options = options;
    this.localDevices = createLocalDevices({
      create: (namespace) => this.#createDeviceStore(namespace),
      usedNamespaces: { read: appStorage.namespaces, write: appStorage.setNamespaces },
    });
    this.account = createAccountRequests({
      api,
      telegram,
      tokens,
      username: () => (this.#state.kind === 'signed-in' ? this.#state.username : ''),
    });
    const username = appStorage.username();
    // A sign-in waits for the pending sign-out: the late response to it would clear the cookie of the new session.
    this.#startupDone = Promise.all([
      this.#eraseLeftovers(),
      username === undefined && appStorage.isSignOutPending() ? this.#signOutOnServer() : undefined,
    ]);
    if (username !== undefined) this.#openStore(username);
  }

  readonly state = (): SessionState => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  readonly options = (): Promise<SignInOptions> => this.#options.api.options();

  readonly signIn = async (credentials: Credentials): Promise<void> => {
    await this.#startupDone;
    this.#start(await this.#options.api.signIn(credentials));
  };

  readonly register = async (credentials: Credentials): Promise<void> => {
    await this.#startupDone;
    this.#start(await this.#options.api.register(credentials));
  };

  readonly signOut = async (): Promise<void> => {
    if (this.#state.kind !== 'signed-in') return;
    const { appStorage } = this.#options;
    // If the page closes from here on, the next page must not consider the user signed in.
    appStorage.clearUser();
    appStorage.setSignOutPending(true);
    // The user is signed out even if the browser fails to remove the data.
    await Promise.all([this.#state.store.signOut().catch(() => undefined), this.localDevices.signOut()]);
    this.#clear();
    await this.#signOutOnServer();
  };

  readonly stores = (): readonly AppStore[] =>
    this.#state.kind === 'signed-in' ? [this.#state.store, ...this.localDevices.stores()] : [];

  #setState(next: SessionState): void {
    this.#state = next;
    for (const listener of this.#listeners) listener();
  }

  #start(session: Session): void {
    const { tokens, appStorage } = this.#options;
    if (this.#state.kind === 'signed-in' && this.#state.username !== session.username) {
      throw new Error(`You are signed in as ${this.#state.username}. Sign out first.`);
    }
    tokens.setSession(session);
    appStorage.setSignOutPending(false);
    appStorage.setUsername(session.username);
    if (this.#state.kind === 'signed-in') this.#state.store.retry();
    else this.#openStore(session.username);
  }

  #openStore(username: string): void {
    const { url, idPrefix, tokens } = this.#options;
    const store = createPreferencesStore({
      url,
      idPrefix,
      username,
      getToken: (rejected) => tokens.get(username, rejected),
      // Signing out in another tab signs out every simulated device in this browser, too.
      onSignedOut: () => {
        this.localDevices.closeAll();
        this.#clear();
      },
    });
    this.#setState({ kind: 'signed-in', username, store });
  }

  #createDeviceStore(namespace: string): AppStore {
    if (this.#state.kind !== 'signed-in') throw new Error('Not signed in.');
    const { username } = this.#state;
    const { url, idPrefix, tokens, getEnvironment } = this.#options;
    return createPreferencesStore({
      url,
      idPrefix,
      username,
      getToken: (rejected) => tokens.get(username, rejected),
      namespace,
      environment: getEnvironment(namespace),
    });
  }

  #clear(): void {
    this.#options.tokens.clear();
    this.#options.appStorage.clearUser();
    this.#options.onSignedOut();
    this.#setState({ kind: 'signed-out' });
  }

  /** Ends the session on the server. If the request fails, the next start of the page sends it again. */
  async #signOutOnServer(): Promise<void> {
    const { api, appStorage } = this.#options;
    try {
      await api.signOut();
      appStorage.setSignOutPending(false);
    } catch {
      appStorage.setSignOutPending(true);
    }
  }

  /** Removes what an interrupted sign-out has left in this browser. The store does so for a user who is back. */
  #eraseLeftovers(): Promise<unknown> {
    return Promise.all(
      [undefined, ...this.#options.appStorage.namespaces()].map((namespace) =>
        eraseLocalData(namespace === undefined ? {} : { namespace }).catch((error: unknown) => console.warn(error)),
      ),
    );
  }
}
