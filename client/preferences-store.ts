/** The library's front: the local store, the sync beside it, and the other tabs of this browser, put together. */
import { parseUsername, type Preferences, type PreferencesPatch } from '../couchdb-design/user-document.ts';
import { databaseName, openBrowserDatabase, type OpenDatabase } from './platform/database.ts';
import { defaultEnvironment, type Environment } from './platform/environment.ts';
import type { GetToken } from './platform/sync-fetch.ts';
import { createLocalStore } from './store/local-store.ts';
import type { ShownPreferences } from './store/view.ts';
import { DEFAULT_TIMING, keepSyncing, type SyncTiming } from './sync/keep-syncing.ts';
import { advance, shownStatus, STARTING, type StatusEvent, type SyncStatus } from './sync/status.ts';
import { createWakeSignal } from './sync/wake-signal.ts';

export interface PreferencesStoreOptions {
  /** The database on the server, e.g. `https://example.org/sync/user_registry`. */
  readonly url: string;
  readonly username: string;
  /** See GetToken: it must give tokens of this user and of nobody else. */
  readonly getToken: GetToken;
  /** The person has signed out in another tab: the data is gone, and this store is closed. */
  readonly onSignedOut?: () => void;
  /** How the local database is opened, in place of IndexedDB. */
  readonly openDatabase?: OpenDatabase;
  readonly environment?: Partial<Environment>;
  readonly timing?: Partial<SyncTiming>;
}

export interface PreferencesStore {
  readonly username: string;
  /** Resolved when what is stored in the browser has been read. Rejects when the browser gives no storage. */
  readonly ready: Promise<void>;
  /** All preferences, with defaults for what was never set. The same object until something changes. */
  readonly get: () => ShownPreferences;
  /** Sets what the patch names; `null` removes. Shown at once, resolved when stored in the browser. */
  readonly set: (patch: PreferencesPatch) => Promise<void>;
  readonly remove: (key: keyof Preferences) => Promise<void>;
  /** Called after every change of the preferences or of the status. Returns what ends that. */
  readonly subscribe: (listener: () => void) => () => void;
  /** The same object until something changes. */
  readonly status: () => SyncStatus;
  /** Tries to sync now: after signing in again, or when a person asks for it. */
  readonly retry: () => void;
  /** The person has read which edits were refused. */
  readonly dismissRefused: () => void;
  /** Stops, and keeps what is stored. */
  readonly close: () => Promise<void>;
  /** Sends what is unsent (for three seconds at the most), stops, and removes everything of this user's from the browser. */
  readonly signOut: (options?: { readonly keepData?: boolean }) => Promise<void>;
}

/** How long signing out waits for unsent edits. */
const FLUSH_MS = 3_000;

/** Throws a RangeError when `username` is none. */
export function createPreferencesStore(options: PreferencesStoreOptions): PreferencesStore {
  const username = parseUsername(options.username);
  if (username === undefined) throw new RangeError('That is not a username.');
  const environment: Environment = { ...defaultEnvironment(), ...options.environment };
  const name = databaseName(username);
  const channel = environment.openChannel(name);
  const wake = createWakeSignal();
  const stopping = new AbortController();
  const listeners = new Set<() => void>();

  let progress = STARTING;
  let status: SyncStatus = shownStatus(progress);
  let leading = false;

  const notify = (): void => {
    for (const listener of listeners) listener();
  };
  const tell = (): void => {
    const { phase, refused } = progress;
    if (leading) channel.send({ type: 'led', phase, refused });
  };
  const dispatch = (event: StatusEvent): void => {
    const next = advance(progress, event);
    if (next === progress) return;
    progress = next;
    status = shownStatus(progress);
    tell();
    notify();
  };

  const local = createLocalStore({
    username,
    openDatabase: options.openDatabase ?? openBrowserDatabase,
    environment,
    onNoted: () => channel.send({ type: 'noted' }),
    onReplaced: () => channel.send({ type: 'replaced' }),
  });
  local.subscribe(() => {
    dispatch({ type: 'unsent', count: local.unsentCount() });
    notify();
  });

  const stop = (): void => {
    stopping.abort();
    endWake();
  };
  const endWake = environment.onWake(wake.ring);

  channel.listen((message) => {
    switch (message.type) {
      case 'led':
        if (!leading) dispatch(message);
        break;
      case 'hello':
        tell();
        break;
      case 'wake':
        wake.ring();
        break;
      case 'dismiss':
        if (leading) dispatch({ type: 'dismissed' });
        break;
      case 'noted':
        local.refresh().catch(() => undefined);
        break;
      case 'replaced':
        local.reopen().catch(() => undefined);
        break;
      case 'signed-out':
        stop();
        void local.close().then(() => {
          channel.close();
          options.onSignedOut?.();
        });
        break;
    }
  });
  channel.send({ type: 'hello' });

  const syncing = local.ready
    .then(() =>
      environment.locks.lead(`${name}:leader`, stopping.signal, async () => {
        leading = true;
        tell();
        await keepSyncing(
          {
            url: options.url,
            store: local,
            getToken: options.getToken,
            environment,
            timing: { ...DEFAULT_TIMING, ...options.timing },
            wake,
            dispatch,
          },
          stopping.signal,
        );
      }),
    )
    .catch(() => undefined);

  /** Resolved when nothing is unsent, when that cannot be hoped for, or after a while. */
  const flush = (): Promise<void> =>
    new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        listeners.delete(check);
        resolve();
      };
      const check = (): void => {
        const { state, unsent } = status;
        if (unsent === 0 || state === 'offline' || state === 'sign-in-needed') done();
      };
      const timer = setTimeout(done, FLUSH_MS);
      listeners.add(check);
      check();
    });

  return {
    username,
    ready: local.ready,
    get: local.shown,
    set: local.edit,
    remove: (key) => local.edit({ [key]: null }),
    subscribe: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    status: () => status,
    retry: () => {
      wake.ring();
      channel.send({ type: 'wake' });
    },
    dismissRefused: () => {
      if (leading) dispatch({ type: 'dismissed' });
      else channel.send({ type: 'dismiss' });
    },
    close: async () => {
      stop();
      await syncing;
      await local.close();
      channel.close();
    },
    signOut: async ({ keepData = false } = {}) => {
      await flush();
      stop();
      await syncing;
      channel.send({ type: 'signed-out' });
      await (keepData ? local.close() : local.destroy());
      channel.close();
    },
  };
}
