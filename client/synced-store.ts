/** The store: connects the local store, the sync and the other tabs of this browser. */
import { createEmitter, waitForEvent } from './platform/emitter.ts';
import { listenForWakeUps } from './platform/environment.ts';
import {
  clearUserData,
  isSignOutPending,
  setItem,
  clearSignOutMark,
  markSignOutPending,
} from './platform/local-data.ts';
import { isDeepEqual } from './platform/structural-equality.ts';
import type { ResolvedOptions } from './resolve-options.ts';
import { LocalStore } from './store/local-store.ts';
import type { Values } from './store/schema.ts';
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
  readonly ready: Promise<void>;

  readonly #options: ResolvedOptions;
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

  constructor(options: ResolvedOptions) {
    const { username, databaseName: name, environment } = options;
    const { storage } = environment;
    this.username = username;
    this.#options = options;
    this.#tabs = this.#createTabSync();
    const wasSignOutPending = isSignOutPending(storage, name);
    if (wasSignOutPending) {
      clearUserData(storage, name);
      markSignOutPending(storage, name);
    }
    this.#status.dispatch({ type: 'remembered', lastSynced: Number(storage[this.#lastSyncedKey()] ?? 0) });
    this.#local = this.#openLocalStore(wasSignOutPending);
    this.ready = this.#local.ready.then(() => {
      if (wasSignOutPending) clearSignOutMark(storage, name);
    });
    // A rejection must not count as unhandled when no caller awaits `ready`.
    this.ready.catch(() => undefined);
    this.#local.subscribe(this.#onLocalChange);
    this.#onLocalChange();
    // The tab that syncs may be another one, in the background.
    const stopWakeEvents = listenForWakeUps(environment, this.retry);
    this.#stopController.signal.addEventListener('abort', stopWakeEvents);
    this.#tabs.start(this.#stopController.signal);
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
    return { ...stored, isLeader: this.#tabs.isLeader(), events: this.#events };
  };

  readonly close = (): Promise<void> => this.#shutDown(false);

  readonly signOut = async ({ keepData = false }: { readonly keepData?: boolean } = {}): Promise<void> => {
    const { environment, databaseName: name } = this.#options;
    if (!keepData) markSignOutPending(environment.storage, name);
    await this.#flushUnsentEdits();
    this.#tabs.send('signed-out');
    await this.#shutDown(!keepData);
  };

  #openLocalStore(eraseOnOpen: boolean): LocalStore {
    const { databaseName: name, documentId: id } = this.#options;
    return new LocalStore({
      ...this.#options,
      name,
      id,
      eraseOnOpen,
      onUnsentChange: () => this.#tabs.send('noted'),
      onReplaced: () => this.#tabs.send('replaced'),
      onSuperseded: this.#editEmitters.superseded.emit,
    });
  }

  #createTabSync(): TabSync {
    const { databaseName: name, environment, timing } = this.#options;
    return new TabSync({
      name,
      environment,
      heartbeatIntervalMs: timing.heartbeat / 2,
      progress: this.#status.progress,
      lead: (signal) => this.#sync(signal),
      onLeaderProgress: (message) => this.#status.dispatch({ ...message, unsent: this.#local.unsent().length }),
      onSignal: this.#onTabSignal,
    });
  }

  /** Syncs until `signal` is aborted. */
  async #sync(signal: AbortSignal): Promise<void> {
    await this.ready.catch(() => undefined);
    const { dispatch } = this.#status;
    const isVisible = (): boolean => this.#tabs.isAnyVisible();
    await runSyncLoop(
      { ...this.#options, store: this.#local, isVisible, wakeEmitter: this.#wakeEmitter, dispatch },
      signal,
    );
  }

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

  #onStatusChange(event: StatusEvent, previous: SyncProgress): void {
    const { now, storage } = this.#options.environment;
    this.#events = [...this.#events, { at: now(), text: event.type }].slice(-MAX_EVENTS);
    this.#tabs.sendProgress();
    this.#changeEmitter.emit();
    // Read after the emit: a listener may have dismissed the rejected edits.
    for (const edit of this.#status.progress().refused) {
      const isNew = !previous.refused.some((known) => isDeepEqual(known, edit));
      if (isNew) this.#editEmitters.refused.emit(edit);
    }
    setItem(storage, this.#lastSyncedKey(), String(this.#status.progress().lastSynced ?? 0));
  }

  #lastSyncedKey(): string {
    return `${this.#options.databaseName}:synced`;
  }

  /** Resolves when nothing is unsent, when nothing can be sent, or after the timeout. */
  async #flushUnsentEdits(): Promise<void> {
    const { now } = this.#options.environment;
    const deadline = now() + SIGN_OUT_FLUSH_TIMEOUT_MS;
    while (this.#canSendEdits()) {
      const hasChanged = await waitForEvent(this.#changeEmitter, deadline - now());
      if (!hasChanged) return;
    }
  }

  #canSendEdits(): boolean {
    const { unsent, state } = this.#status.status();
    return unsent > 0 && state !== 'offline' && state !== 'sign-in-needed';
  }

  /** Stops the sync and leaves the other tabs. `erase` removes all of the user's stored data. */
  async #shutDown(erase: boolean): Promise<void> {
    const { environment, databaseName: name } = this.#options;
    this.#stopController.abort();
    await this.#tabs.whenStopped();
    await this.#local.close(erase);
    if (erase) clearUserData(environment.storage, name);
    this.#tabs.close();
  }
}
