/** The store: connects the local store, the sync and the other tabs of this browser. */
import type { Values } from '../couchdb-design/user-document/preference-schema.ts';
import { estimateClockOffset, type ServerTime } from './platform/clock-offset.ts';
import { createEmitter, waitForEvent } from './platform/emitter.ts';
import { listenForWakeUps, type Environment } from './platform/environment.ts';
import { guardEnvironment } from './platform/guarded-environment.ts';
import { createPlatformHealth } from './platform/health.ts';
import { clearUserData, resumeSignOut, setItem, clearSignOutMark, markSignOutPending } from './platform/local-data.ts';
import { deepFreeze } from './platform/deep-freeze.ts';
import { isDeepEqual } from './platform/structural-equality.ts';
import type { ResolvedOptions } from './resolve-options.ts';
import { LocalStore } from './store/local-store.ts';
import type { SupersededEdit } from './store/superseded-edits.ts';
import type { RefusedEdit, StatusEvent, SyncProgress, SyncStatus } from './sync/status.ts';
import { createStatusStore } from './sync/status-store.ts';
import { runSyncLoop } from './sync/sync-loop.ts';
import { TabSync, type TabSyncOptions } from './tabs/tab-sync.ts';
import type { DebugSnapshot, PreferencesStore, StoreEvents } from './types.ts';

/** How long a sign-out waits for unsent edits to be sent. */
const SIGN_OUT_FLUSH_TIMEOUT_MS = 3_000;
const MAX_EVENTS = 50;

/** Applications pass single members on, to React for one. So the public members are bound functions, not methods. */
export class SyncedStore implements PreferencesStore<Values, Values> {
  readonly username: string;
  readonly defaults: Values;
  readonly ready: Promise<void>;

  readonly #options: ResolvedOptions;
  readonly #environment: Environment;
  readonly #health = createPlatformHealth(() => this.#onHealthChange());
  readonly #local: LocalStore;
  readonly #tabs: TabSync;
  readonly #status = createStatusStore((event, previous) => this.#onStatusChange(event, previous));
  readonly #wakeEmitter = createEmitter();
  readonly #changeEmitter = createEmitter();
  readonly #editEmitters = {
    refused: createEmitter<[RefusedEdit]>(),
    superseded: createEmitter<[SupersededEdit]>(),
  };
  readonly #stopController = new AbortController();
  #events: DebugSnapshot['events'] = [];
  #isStarted = false;
  /** The last correction of unsent edits. */
  #correction: Promise<unknown> = Promise.resolve();
  /** The sign-out that removes the data, once it has begun. */
  #erasingSignOut: Promise<void> | undefined;

  constructor(options: ResolvedOptions) {
    const { username, databaseName: name, defaults, platformTiming } = options;
    const { signal } = this.#stopController;
    this.username = username;
    this.defaults = defaults;
    this.#options = options;
    this.#environment = guardEnvironment({
      environment: options.environment,
      name,
      timing: platformTiming,
      health: this.#health,
      signal,
    });
    const { storage } = this.#environment;
    this.#tabs = this.#createTabSync();
    const wasSignOutPending = resumeSignOut(storage, name);
    this.#status.dispatch({ type: 'remembered', lastSynced: Number(storage[this.#lastSyncedKey()] ?? 0) });
    this.#local = this.#openLocalStore(wasSignOutPending);
    this.ready = this.#local.ready;
    this.#local.subscribe(this.#onLocalChange);
    this.#onLocalChange();
    // `retry` also notifies other tabs, because the tab that syncs may be one in the background.
    signal.addEventListener('abort', listenForWakeUps(this.#environment, this.retry));
    this.#tabs.start(signal);
    this.#isStarted = true;
    this.#onHealthChange();
  }

  readonly get = (): Values => this.#local.visiblePreferences();

  readonly set = (patch: Values): Promise<void> => this.#local.edit(patch);

  readonly remove = (key: string): Promise<void> => this.#local.edit({ [key]: null });

  readonly subscribe = (listener: () => void): (() => void) => this.#changeEmitter.subscribe(listener);

  readonly on = <E extends keyof StoreEvents<Values>>(
    event: E,
    listener: (edit: StoreEvents<Values>[E]) => void,
  ): (() => void) => this.#editEmitters[event].subscribe(listener as (edit: RefusedEdit | SupersededEdit) => void);

  readonly status = (): SyncStatus => this.#status.status();

  readonly retry = (): void => {
    this.#wakeEmitter.emit();
    this.#tabs.send('wake');
  };

  readonly dismissRefused = (): void => {
    this.#status.dispatch({ type: 'dismissed' });
    this.#tabs.send('dismissed');
  };

  readonly inspect = async (): Promise<DebugSnapshot> => {
    const stored = await this.#local.inspect();
    return deepFreeze({ ...stored, isLeader: this.#tabs.isLeader(), events: this.#events });
  };

  readonly close = (): Promise<void> => this.#shutDown(false);

  readonly signOut = ({ keepData = false }: { readonly keepData?: boolean } = {}): Promise<void> =>
    // A second removal would find the database closed, and leave a mark that makes the next start remove newer data.
    keepData ? this.#signOut(false) : (this.#erasingSignOut ??= this.#signOut(true));

  async #signOut(erase: boolean): Promise<void> {
    if (erase) markSignOutPending(this.#environment.storage, this.#options.databaseName);
    await this.#flushUnsentEdits();
    this.#tabs.send('signed-out');
    await this.#shutDown(erase);
  }

  #openLocalStore(eraseOnOpen: boolean): LocalStore {
    const { databaseName: name, documentId: id } = this.#options;
    const { storage } = this.#environment;
    return new LocalStore({
      ...this.#options,
      environment: this.#environment,
      name,
      id,
      eraseOnOpen,
      onErased: () => clearSignOutMark(storage, name),
      clockOffset: () => this.#status.progress().clockOffset,
      reportDatabase: this.#health.reporter('database-unavailable'),
      onUnsentChange: () => this.#tabs.send('noted'),
      onReplaced: () => this.#tabs.send('replaced'),
      onSuperseded: this.#editEmitters.superseded.emit,
    });
  }

  #createTabSync(): TabSync {
    const { databaseName: name, timing } = this.#options;
    return new TabSync({
      name,
      environment: this.#environment,
      // Other tabs cannot read this tab's database in memory, or do not receive its messages.
      isAlone: () => this.#health.lacks('database-unavailable', 'channel-unavailable'),
      heartbeatIntervalMs: timing.heartbeat / 2,
      progress: this.#status.progress,
      lead: (signal) => this.#sync(signal),
      onLeaderProgress: (message) => {
        this.#local.updateUnsent();
        this.#status.dispatch({ ...message, unsent: this.#local.unsent().length });
      },
      onSignal: this.#onTabSignal,
    });
  }

  /** Syncs until `signal` is aborted. */
  async #sync(signal: AbortSignal): Promise<void> {
    await this.ready.catch(() => undefined);
    const { dispatch } = this.#status;
    const isVisible = (): boolean => this.#tabs.isAnyVisible();
    const onServerTime = this.#onServerTime;
    const options = { ...this.#options, environment: this.#environment, store: this.#local, onServerTime };
    await runSyncLoop({ ...options, isVisible, wakeEmitter: this.#wakeEmitter, dispatch }, signal);
  }

  /** Measures the clock. Resolves when the unsent edits are corrected, if they must be. */
  readonly #onServerTime = async (time: ServerTime): Promise<void> => {
    const { clockOffset } = this.#status.progress();
    const offset = estimateClockOffset(clockOffset, { ...time, receivedAt: this.#environment.now() });
    if (offset !== undefined && offset !== clockOffset) {
      this.#status.dispatch({ type: 'clock', offset });
      this.#correction = this.#local.correctStamps().catch(() => undefined);
    }
    await this.#correction;
  };

  readonly #onTabSignal: TabSyncOptions['onSignal'] = (signal) => {
    switch (signal) {
      case 'wake':
        this.#wakeEmitter.emit();
        break;
      case 'dismissed':
        this.#status.dispatch({ type: 'dismissed' });
        break;
      case 'noted':
        this.#local.refresh().catch(() => undefined);
        break;
      case 'replaced':
        this.#local.reopen().catch(() => undefined);
        break;
      case 'signed-out':
        void this.#shutDown(false).then(this.#options.onSignedOut);
        break;
    }
  };

  readonly #onLocalChange = (): void => {
    this.#status.dispatch({ type: 'unsent', unsent: this.#local.unsent().length });
    this.#changeEmitter.emit();
  };

  #onHealthChange(): void {
    // The constructor dispatches earlier failures at its end.
    if (!this.#isStarted) return;
    this.#status.dispatch({ type: 'platform', reasons: this.#health.reasons() });
    this.#tabs.reelect();
  }

  #onStatusChange(event: StatusEvent, previous: SyncProgress): void {
    const { now, storage } = this.#environment;
    const text = 'reason' in event ? `${event.type}: ${event.reason}` : event.type;
    this.#events = [...this.#events, { at: now(), text }].slice(-MAX_EVENTS);
    this.#tabs.sendProgress();
    this.#changeEmitter.emit();
    // Read after the emit: a listener may have dismissed the rejected edits.
    for (const edit of this.#status.progress().refused) {
      const isNew = !previous.refused.some((known) => isDeepEqual(known, edit));
      if (isNew) this.#editEmitters.refused.emit(edit);
    }
    const { lastSynced } = this.#status.progress();
    if (lastSynced !== previous.lastSynced) setItem(storage, this.#lastSyncedKey(), String(lastSynced ?? 0));
  }

  #lastSyncedKey(): string {
    return `${this.#options.databaseName}:synced`;
  }

  /** Resolves when nothing is unsent, when nothing can be sent, or after the timeout. */
  async #flushUnsentEdits(): Promise<void> {
    // The clock of the environment may be set back.
    const deadline = performance.now() + SIGN_OUT_FLUSH_TIMEOUT_MS;
    while (this.#canSendEdits()) {
      const hasChanged = await waitForEvent(this.#changeEmitter, deadline - performance.now());
      if (!hasChanged) return;
    }
  }

  #canSendEdits(): boolean {
    const { unsent, state } = this.#status.status();
    return unsent > 0 && state !== 'offline' && state !== 'sign-in-needed';
  }

  /** Stops the sync and leaves the other tabs. `erase` removes all of the user's stored data. */
  async #shutDown(erase: boolean): Promise<void> {
    const { databaseName: name } = this.#options;
    const { storage } = this.#environment;
    this.#stopController.abort();
    await this.#tabs.whenStopped();
    const isClosed = await this.#local.close(erase);
    if (erase) clearUserData(storage, name);
    if (!isClosed) markSignOutPending(storage, name);
    this.#tabs.close();
    if (!isClosed) throw new Error('This browser did not delete the database. The next start of the page deletes it.');
  }
}
