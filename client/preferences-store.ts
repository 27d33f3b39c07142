/** The library's front: the local store, the sync beside it, and the other tabs of this browser, put together. */
import { preferencesStandard } from '../couchdb-design/check-preferences.ts';
import { DEFAULT_PREFERENCES } from '../couchdb-design/preference-rules.ts';
import { idsWith, parseUsername, USUAL_ID_PREFIX } from '../couchdb-design/username.ts';
import { databaseName, openBrowserDatabase } from './platform/database.ts';
import { defaultEnvironment, type Environment } from './platform/environment.ts';
import { leaving, markGone, markLeaving } from './platform/leftovers.ts';
import type { TabMessage } from './platform/tab-channel.ts';
import { createLocalStore } from './store/local-store.ts';
import type { PreferencesStore, SchemaOptions, ShownOf, StoreEvents, StoreOptions } from './store-api.ts';
import { shapeOf, type Values } from './store/shape.ts';
import { DEFAULT_TIMING, keepSyncing } from './sync/keep-syncing.ts';
import { advance, shownStatus, STARTING, type StatusEvent, type SyncStatus } from './sync/status.ts';
import { createWakeSignal } from './sync/wake-signal.ts';
import { joinTabs } from './tabs.ts';

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
  const { idPrefix = USUAL_ID_PREFIX } = options;
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
    id: idsWith(idPrefix)(username),
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
