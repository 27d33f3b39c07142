/** The library's front: the local store, the sync beside it, and the other tabs of this browser, put together. */
import { preferencesStandardSchema } from '../couchdb-design/user-document/preferences-standard-schema.ts';
import { DEFAULT_PREFERENCES } from '../couchdb-design/user-document/preference-rules.ts';
import { documentIdFactory, parseUsername, DEFAULT_ID_PREFIX } from '../couchdb-design/user-document/username.ts';
import { createEmitter, waitForEvent } from './platform/emitter.ts';
import { databaseName, openBrowserDatabase } from './platform/database.ts';
import { defaultEnvironment, WAKE_EVENTS, type Environment } from './platform/environment.ts';
import {
  clearUserData,
  isSignOutPending,
  setItem,
  clearSignOutMark,
  markSignOutPending,
} from './platform/local-data.ts';
import type { TabChannel, TabMessage } from './tabs/channel.ts';
import { createLocalStore } from './store/local-store.ts';
import type { SupersededEdit } from './store/superseded-edits.ts';
import type { DebugSnapshot, PreferencesStore, SchemaOptions, ShownOf, StoreOptions } from './types.ts';
import { createStoreSchema, type Values } from './store/schema.ts';
import { DEFAULT_TIMING, runSyncLoop } from './sync/sync-loop.ts';
import { advance, toSyncStatus, INITIAL_PROGRESS, type RefusedEdit, type StatusEvent } from './sync/status.ts';
import { electLeader } from './tabs/leader-election.ts';
import { isDeepEqual } from './platform/structural-equality.ts';

/** How long signing out waits for unsent edits. */
const SIGN_OUT_FLUSH_TIMEOUT_MS = 3_000;
const MAX_EVENTS = 50;

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
  const { namespace = 'pouchgate', schema = preferencesStandardSchema, openDatabase = openBrowserDatabase } = options;
  const { idPrefix = DEFAULT_ID_PREFIX, defaults = schema === preferencesStandardSchema ? DEFAULT_PREFERENCES : {} } =
    options;
  const environment: Environment = { ...defaultEnvironment(), ...options.environment };
  const { storage, now } = environment;
  const name = databaseName(namespace, username);
  const syncedKey = `${name}:synced`;
  const channel: TabChannel = environment.openChannel(name);
  const wakeEmitter = createEmitter();
  const changeEmitter = createEmitter();
  const editEvents = { refused: createEmitter<[RefusedEdit]>(), superseded: createEmitter<[SupersededEdit]>() };
  const stopController = new AbortController();
  let events: DebugSnapshot['events'] = [];
  let progress = INITIAL_PROGRESS;
  let status = toSyncStatus(progress);
  let isLeader = false;

  const broadcast = (type: Exclude<TabMessage['type'], 'led'>): void => channel.postMessage({ type });
  const broadcastStatus = (): void => {
    if (isLeader) channel.postMessage({ ...progress, type: 'led' });
  };
  const dispatch = (event: StatusEvent): void => {
    const before = progress;
    progress = advance(before, event);
    if (progress === before) return;
    status = toSyncStatus(progress);
    events = [...events, { at: now(), text: event.type }].slice(-MAX_EVENTS);
    broadcastStatus();
    changeEmitter.emit();
    for (const edit of progress.refused) {
      if (!before.refused.some((known) => isDeepEqual(known, edit))) editEvents.refused.emit(edit);
    }
    setItem(storage, syncedKey, String(status.lastSynced ?? 0));
  };

  const wasSignOutPending = isSignOutPending(storage, name);
  if (wasSignOutPending) {
    clearUserData(storage, name);
    markSignOutPending(storage, name);
  }
  dispatch({ type: 'remembered', lastSynced: Number(storage[syncedKey] ?? 0) });
  const local = createLocalStore({
    id: documentIdFactory(idPrefix)(username),
    name,
    schema: createStoreSchema(schema),
    defaults: defaults as Values,
    eraseOnOpen: wasSignOutPending,
    openDatabase,
    environment,
    onUnsentChange: () => broadcast('noted'),
    onReplaced: () => broadcast('replaced'),
    onSuperseded: editEvents.superseded.emit,
  });
  const ready = local.ready.then(() => {
    if (wasSignOutPending) clearSignOutMark(storage, name);
  });
  ready.catch(() => undefined);
  const updateUnsentCount = (): void => {
    dispatch({ type: 'unsent', unsent: local.unsent().length });
    changeEmitter.emit();
  };
  local.subscribe(updateUnsentCount);
  updateUnsentCount();

  stopController.signal.addEventListener('abort', environment.listen(WAKE_EVENTS, wakeEmitter.emit));
  /** Stops, and leaves the other tabs; `isForever`: with nothing left of what is stored. */
  const shutDown = async (erase: boolean): Promise<void> => {
    stopController.abort();
    await election.whenStopped();
    await local.close(erase);
    if (erase) clearUserData(storage, name);
    channel.close();
  };
  const timing = { ...DEFAULT_TIMING, ...options.timing };
  const election = electLeader(
    {
      name,
      environment,
      intervalMs: timing.heartbeat / 2,
      requestHeartbeat: () => {
        if (isLeader) election.onLeaderActivity();
        else broadcast('hello');
      },
      onLeader: async (signal) => {
        isLeader = true;
        broadcastStatus();
        await ready.catch(() => undefined);
        await runSyncLoop({ ...options, store: local, environment, timing, wakeEmitter, dispatch }, signal);
        isLeader = false;
      },
    },
    stopController.signal,
  );

  const messageHandlers: {
    readonly [T in TabMessage['type']]?: (message: Extract<TabMessage, { readonly type: T }>) => void;
  } = {
    led: (message) => {
      election.onLeaderActivity();
      if (!isLeader) dispatch({ ...message, unsent: local.unsent().length });
    },
    hello: broadcastStatus,
    wake: wakeEmitter.emit,
    dismissed: dispatch,
    noted: () => void local.refresh().catch(() => undefined),
    replaced: () => void local.reopen().catch(() => undefined),
    'signed-out': () => void shutDown(false).then(options.onSignedOut),
  };
  channel.onmessage = ({ data }) => messageHandlers[data.type]?.(data as never);
  broadcast('hello');

  /** Resolved when nothing is unsent, when that cannot be hoped for, or after a while. */
  const flushUnsentEdits = async (): Promise<void> => {
    const deadline = now() + SIGN_OUT_FLUSH_TIMEOUT_MS;
    let hasTime = true;
    while (hasTime && status.unsent > 0 && status.state !== 'offline' && status.state !== 'sign-in-needed') {
      hasTime = await waitForEvent(changeEmitter, deadline - now());
    }
  };

  return {
    username,
    ready,
    get: local.visiblePreferences,
    set: local.edit,
    remove: (key) => local.edit({ [key]: null }),
    subscribe: changeEmitter.subscribe,
    on: (event, listener) => editEvents[event].subscribe(listener as never),
    status: () => status,
    retry: () => {
      wakeEmitter.emit();
      broadcast('wake');
    },
    dismissRefused: () => {
      dispatch({ type: 'dismissed' });
      broadcast('dismissed');
    },
    inspect: async () => ({ ...(await local.inspect()), isLeader, events }),
    close: () => shutDown(false),
    signOut: async ({ keepData = false } = {}) => {
      if (!keepData) markSignOutPending(storage, name);
      await flushUnsentEdits();
      broadcast('signed-out');
      await shutDown(!keepData);
    },
  };
}
