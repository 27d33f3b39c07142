/** The library's front: the local store, the sync beside it, and the other tabs of this browser, put together. */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { preferencesStandard } from '../couchdb-design/check-preferences.ts';
import { DEFAULT_PREFERENCES, type PatchOf, type Preferences } from '../couchdb-design/preference-rules.ts';
import { parseUsername } from '../couchdb-design/username.ts';
import { databaseName, openBrowserDatabase, type OpenDatabase } from './platform/database.ts';
import { defaultEnvironment, type Environment } from './platform/environment.ts';
import { leaving, markGone, markLeaving } from './platform/leftovers.ts';
import type { TabMessage } from './platform/tab-channel.ts';
import type { GetToken } from './platform/sync-fetch.ts';
import type { SupersededEdit } from './store/at-risk.ts';
import { createLocalStore, type StoredInspection } from './store/local-store.ts';
import { shapeOf, type Values } from './store/shape.ts';
import { DEFAULT_TIMING, keepSyncing, type SyncTiming } from './sync/keep-syncing.ts';
import { advance, shownStatus, STARTING, type RefusedEdit, type StatusEvent, type SyncStatus } from './sync/status.ts';
import { createWakeSignal } from './sync/wake-signal.ts';
import { joinTabs } from './tabs.ts';

/** All preferences that the schema knows, with the defaults for what was never set. */
export type ShownOf<P extends object, D extends object> = Omit<P, keyof D> & Required<Pick<P, keyof D & keyof P>>;
export type ShownPreferences = Required<Preferences>;

export interface StoreOptions {
  /** The database on the server, e.g. `https://example.org/sync/user_registry`. */
  readonly url: string;
  readonly username: string;
  /** See GetToken: it must give tokens of this user and of nobody else. */
  readonly getToken: GetToken;
  /** The person has signed out in another tab: the data is gone, and this store is closed. */
  readonly onSignedOut?: () => void;
  /** What every name in the browser's storage begins with, `pouchgate` unless told. Two stores with two are two devices. */
  readonly namespace?: string;
  /** How the local database is opened, in place of IndexedDB. */
  readonly openDatabase?: OpenDatabase;
  readonly environment?: Partial<Environment>;
  readonly timing?: Partial<SyncTiming>;
}

/**
 * The application's own preferences: any validator that speaks Standard Schema (https://standardschema.dev), of an object
 * whose members are all optional and checked each for itself, as JSON, and at once. The server must know the same.
 */
export interface SchemaOptions<P extends object, D extends Partial<P>> {
  readonly schema: StandardSchemaV1<unknown, P>;
  /** Shown for what was never set. They are never stored, so that a better default reaches everybody. */
  readonly defaults?: D;
}

export interface StoreEvents<P extends object> {
  /** The server would not take an edit, and it was taken back. */
  readonly refused: RefusedEdit;
  /** An edit that had not arrived everywhere gave way to a later one of another device. */
  readonly superseded: SupersededEdit & { readonly key: keyof P & string };
}

/** The document's leaves, what is unsent, and what has happened to the status: for whoever wants to see how it works. */
export interface Inspection extends StoredInspection {
  /** Whether this tab syncs for all. */
  readonly isLeader: boolean;
  /** Milliseconds since 1970 and what happened, newest last, fifty at most. */
  readonly events: readonly { readonly at: number; readonly text: string }[];
}

export interface PreferencesStore<P extends object = Preferences, Shown extends object = ShownPreferences> {
  readonly username: string;
  /** Resolved when what is stored in the browser has been read. Rejects when the browser gives no storage. */
  readonly ready: Promise<void>;
  /** All preferences, with the defaults. The same object until something changes, and the same values in it. */
  readonly get: () => Shown;
  /**
   * Sets what the patch names; `null` removes. Shown at once, resolved when stored in the browser. Rejects with a
   * RangeError when the schema does not take it, and with an Error when the browser cannot store it; then nothing is set.
   */
  readonly set: (patch: PatchOf<P>) => Promise<void>;
  readonly remove: (key: keyof P) => Promise<void>;
  /** Called after every change of the preferences or of the status. Returns what ends that. */
  readonly subscribe: (listener: () => void) => () => void;
  /** Returns what ends that. */
  readonly on: <E extends keyof StoreEvents<P>>(event: E, listener: (edit: StoreEvents<P>[E]) => void) => () => void;
  /** The same object until something changes. */
  readonly status: () => SyncStatus;
  /** Tries to sync now: after signing in again, or when a person asks for it. */
  readonly retry: () => void;
  /** The person has read which edits were refused. */
  readonly dismissRefused: () => void;
  readonly inspect: () => Promise<Inspection>;
  /** Stops, and keeps what is stored. */
  readonly close: () => Promise<void>;
  /**
   * Sends what is unsent (for three seconds at the most), stops, and removes everything of this user's from the browser.
   * When it is cut off, the next store, or eraseLocalData, does the rest.
   */
  readonly signOut: (options?: { readonly keepData?: boolean }) => Promise<void>;
}

/** How long signing out waits for unsent edits. */
const FLUSH_MS = 3_000;
const MOST_EVENTS = 50;

/**
 * Opens the preferences of one user in this browser, and keeps them in sync from then on. Throws a RangeError when
 * `username` is none, and a TypeError when the schema cannot be used.
 */
export function createPreferencesStore(options: StoreOptions): PreferencesStore;
export function createPreferencesStore<P extends object, const D extends Partial<P> = object>(
  options: StoreOptions & SchemaOptions<P, D>,
): PreferencesStore<P, ShownOf<P, D>>;
export function createPreferencesStore(
  options: StoreOptions & Partial<SchemaOptions<object, object>>,
): PreferencesStore<Values, Values> {
  const username = parseUsername(options.username);
  if (username === undefined) throw new RangeError('That is not a username.');
  const { namespace = 'pouchgate', schema = preferencesStandard, openDatabase = openBrowserDatabase } = options;
  const defaults = options.defaults ?? (options.schema === undefined ? DEFAULT_PREFERENCES : {});
  const environment: Environment = { ...defaultEnvironment(), ...options.environment };
  const { storage, now } = environment;
  const name = databaseName(namespace, username);
  const syncedKey = `${name}:synced`;
  const channel = environment.openChannel(name);
  const wake = createWakeSignal();
  const stopping = new AbortController();
  const listeners = new Set<() => void>();
  const handlers = { refused: new Set<(edit: never) => void>(), superseded: new Set<(edit: never) => void>() };
  const events: { at: number; text: string }[] = [];
  let progress = STARTING;
  let status: SyncStatus = shownStatus(progress);
  let isLeader = false;

  const notify = (): void => {
    // Nothing is on its way any more: what another device sets from now on is set with this in view.
    if (status.state === 'live' && status.unsent === 0) local.settled();
    for (const listener of listeners) listener();
  };
  const emit = <E extends keyof typeof handlers>(event: E, edit: StoreEvents<Values>[E]): void => {
    for (const handler of handlers[event]) handler(edit as never);
  };
  const tell = (): void => {
    const { phase, refused, lastSynced } = progress;
    if (isLeader) channel.send({ type: 'led', phase, refused, lastSynced });
  };
  const dispatch = (event: StatusEvent): void => {
    const before = progress;
    progress = advance(before, event);
    if (progress === before) return;
    status = shownStatus(progress);
    events.push({ at: now(), text: event.type });
    if (events.length > MOST_EVENTS) events.shift();
    if (status.lastSynced !== undefined) storage.setItem(syncedKey, String(status.lastSynced));
    tell();
    notify();
    for (const edit of progress.refused) if (!before.refused.includes(edit)) emit('refused', edit);
  };

  const isLeaving = leaving(storage, namespace).includes(username);
  const local = createLocalStore({
    username,
    name,
    shape: shapeOf(schema),
    defaults: defaults as Values,
    isLeaving,
    openDatabase,
    environment,
    onNoted: () => channel.send({ type: 'noted' }),
    onReplaced: () => channel.send({ type: 'replaced' }),
    onSuperseded: (edit) => emit('superseded', edit),
  });
  const ready = local.ready.then(() => {
    if (isLeaving) markGone(storage, namespace, username);
  });
  ready.catch(() => undefined);
  local.subscribe(() => {
    dispatch({ type: 'unsent', count: local.unsentCount() });
    notify();
  });
  const lastSynced = isLeaving ? 0 : Number(storage.getItem(syncedKey));
  if (lastSynced > 0) dispatch({ type: 'remembered', lastSynced });

  const endWake = environment.onWake(wake.ring);
  const stop = (): void => {
    stopping.abort();
    endWake();
  };
  const heard: { readonly [T in TabMessage['type']]: (message: Extract<TabMessage, { readonly type: T }>) => void } = {
    led: (message) => {
      tabs.heard();
      if (!isLeader) dispatch(message);
    },
    hello: tell,
    wake: wake.ring,
    dismiss: () => {
      if (isLeader) dispatch({ type: 'dismissed' });
    },
    noted: () => void local.refresh().catch(() => undefined),
    replaced: () => void local.reopen().catch(() => undefined),
    'signed-out': () => {
      stop();
      void local.close().then(() => {
        channel.close();
        options.onSignedOut?.();
      });
    },
  };
  channel.listen((message) => {
    if (message.type in heard) heard[message.type](message as never);
  });

  const timing = { ...DEFAULT_TIMING, ...options.timing };
  const tabs = joinTabs(
    {
      name,
      environment,
      period: timing.heartbeat / 2,
      ask: () => channel.send({ type: 'hello' }),
      lead: async (signal) => {
        await ready.catch(() => undefined);
        isLeader = true;
        tell();
        const { url, getToken } = options;
        await keepSyncing({ url, store: local, getToken, environment, timing, wake, dispatch }, signal);
        isLeader = false;
      },
    },
    stopping.signal,
  );
  channel.send({ type: 'hello' });

  /** Resolved when nothing is unsent, when that cannot be hoped for, or after a while. */
  const flush = (): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, FLUSH_MS);
      const check = (): void => {
        if (status.unsent > 0 && status.state !== 'offline' && status.state !== 'sign-in-needed') return;
        clearTimeout(timer);
        resolve();
      };
      listeners.add(check);
      check();
    });
  const end = async (last: () => Promise<void>): Promise<void> => {
    stop();
    await tabs.ended;
    await last();
    channel.close();
  };

  return {
    username,
    ready,
    get: local.shown,
    set: local.edit,
    remove: (key) => local.edit({ [key]: null }),
    subscribe: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    on: (event, listener) => {
      handlers[event].add(listener);
      return () => void handlers[event].delete(listener);
    },
    status: () => status,
    retry: () => {
      wake.ring();
      channel.send({ type: 'wake' });
    },
    dismissRefused: () => {
      if (isLeader) dispatch({ type: 'dismissed' });
      else channel.send({ type: 'dismiss' });
    },
    inspect: async () => ({ ...(await local.inspect()), isLeader, events: [...events] }),
    close: () => end(local.close),
    signOut: async ({ keepData = false } = {}) => {
      if (!keepData) markLeaving(storage, namespace, username);
      await flush();
      await end(async () => {
        channel.send({ type: 'signed-out' });
        if (keepData) return local.close();
        await local.destroy();
        markGone(storage, namespace, username);
      });
    },
  };
}
