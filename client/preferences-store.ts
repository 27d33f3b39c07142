/** The library's front: the local store, the sync beside it, and the other tabs of this browser, put together. */
import { preferencesStandard } from '../couchdb-design/user-document/preferences-standard-schema.ts';
import { DEFAULT_PREFERENCES } from '../couchdb-design/user-document/preference-rules.ts';
import { idsWith, parseUsername, USUAL_ID_PREFIX } from '../couchdb-design/user-document/username.ts';
import { createBell, rings } from './platform/emitter.ts';
import { databaseName, openBrowserDatabase } from './platform/database.ts';
import { defaultEnvironment, WAKES, type Environment } from './platform/environment.ts';
import { forget, isLeaving, keep, markGone, markLeaving } from './platform/local-data.ts';
import type { TabChannel, TabMessage } from './tabs/channel.ts';
import { createLocalStore } from './store/local-store.ts';
import type { SupersededEdit } from './store/superseded-edits.ts';
import type { Inspection, PreferencesStore, SchemaOptions, ShownOf, StoreOptions } from './types.ts';
import { shapeOf, type Values } from './store/schema.ts';
import { DEFAULT_TIMING, keepSyncing } from './sync/sync-loop.ts';
import { advance, shownStatus, STARTING, type RefusedEdit, type StatusEvent } from './sync/status.ts';
import { joinTabs } from './tabs/leader-election.ts';
import { isSame } from './platform/structural-equality.ts';

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
  const { idPrefix = USUAL_ID_PREFIX, defaults = schema === preferencesStandard ? DEFAULT_PREFERENCES : {} } = options;
  const environment: Environment = { ...defaultEnvironment(), ...options.environment };
  const { storage, now } = environment;
  const name = databaseName(namespace, username);
  const syncedKey = `${name}:synced`;
  const channel: TabChannel = environment.openChannel(name);
  const wake = createBell();
  const changed = createBell();
  const told = { refused: createBell<[RefusedEdit]>(), superseded: createBell<[SupersededEdit]>() };
  const stopping = new AbortController();
  let events: Inspection['events'] = [];
  let progress = STARTING;
  let status = shownStatus(progress);
  let isLeader = false;

  const say = (type: Exclude<TabMessage['type'], 'led'>): void => channel.postMessage({ type });
  const tell = (): void => {
    if (isLeader) channel.postMessage({ ...progress, type: 'led' });
  };
  const dispatch = (event: StatusEvent): void => {
    const before = progress;
    progress = advance(before, event);
    if (progress === before) return;
    status = shownStatus(progress);
    events = [...events, { at: now(), text: event.type }].slice(-MOST_EVENTS);
    tell();
    changed.ring();
    for (const edit of progress.refused) {
      if (!before.refused.some((known) => isSame(known, edit))) told.refused.ring(edit);
    }
    keep(storage, syncedKey, String(status.lastSynced ?? 0));
  };

  const wasLeaving = isLeaving(storage, name);
  if (wasLeaving) {
    forget(storage, name);
    markLeaving(storage, name);
  }
  dispatch({ type: 'remembered', lastSynced: Number(storage[syncedKey] ?? 0) });
  const local = createLocalStore({
    id: idsWith(idPrefix)(username),
    name,
    shape: shapeOf(schema),
    defaults: defaults as Values,
    isLeaving: wasLeaving,
    openDatabase,
    environment,
    onNoted: () => say('noted'),
    onReplaced: () => say('replaced'),
    onSuperseded: told.superseded.ring,
  });
  const ready = local.ready.then(() => {
    if (wasLeaving) markGone(storage, name);
  });
  ready.catch(() => undefined);
  const count = (): void => {
    dispatch({ type: 'unsent', unsent: local.unsent().length });
    changed.ring();
  };
  local.subscribe(count);
  count();

  stopping.signal.addEventListener('abort', environment.listen(WAKES, wake.ring));
  /** Stops, and leaves the other tabs; `isForever`: with nothing left of what is stored. */
  const end = async (isForever: boolean): Promise<void> => {
    stopping.abort();
    await tabs.ended();
    await local.end(isForever);
    if (isForever) forget(storage, name);
    channel.close();
  };
  const timing = { ...DEFAULT_TIMING, ...options.timing };
  const tabs = joinTabs(
    {
      name,
      environment,
      period: timing.heartbeat / 2,
      ask: () => {
        if (isLeader) tabs.heard();
        else say('hello');
      },
      lead: async (signal) => {
        isLeader = true;
        tell();
        await ready.catch(() => undefined);
        await keepSyncing({ ...options, store: local, environment, timing, wake, dispatch }, signal);
        isLeader = false;
      },
    },
    stopping.signal,
  );

  const hear: {
    readonly [T in TabMessage['type']]?: (message: Extract<TabMessage, { readonly type: T }>) => void;
  } = {
    led: (message) => {
      tabs.heard();
      if (!isLeader) dispatch({ ...message, unsent: local.unsent().length });
    },
    hello: tell,
    wake: wake.ring,
    dismissed: dispatch,
    noted: () => void local.refresh().catch(() => undefined),
    replaced: () => void local.reopen().catch(() => undefined),
    'signed-out': () => void end(false).then(options.onSignedOut),
  };
  channel.onmessage = ({ data }) => hear[data.type]?.(data as never);
  say('hello');

  /** Resolved when nothing is unsent, when that cannot be hoped for, or after a while. */
  const flush = async (): Promise<void> => {
    const latest = now() + FLUSH_MS;
    let hasTime = true;
    while (hasTime && status.unsent > 0 && status.state !== 'offline' && status.state !== 'sign-in-needed') {
      hasTime = await rings(changed, latest - now());
    }
  };

  return {
    username,
    ready,
    get: local.shown,
    set: local.edit,
    remove: (key) => local.edit({ [key]: null }),
    subscribe: changed.listen,
    on: (event, listener) => told[event].listen(listener as never),
    status: () => status,
    retry: () => {
      wake.ring();
      say('wake');
    },
    dismissRefused: () => {
      dispatch({ type: 'dismissed' });
      say('dismissed');
    },
    inspect: async () => ({ ...(await local.inspect()), isLeader, events }),
    close: () => end(false),
    signOut: async ({ keepData = false } = {}) => {
      if (!keepData) markLeaving(storage, name);
      await flush();
      say('signed-out');
      await end(!keepData);
    },
  };
}
