/** What the library takes from the place it runs in. A browser has all of it; Node has clocks and `fetch`. */
import { createLocks, type Locks } from './locks.ts';
import { openChannel, SILENT_CHANNEL, type TabChannel } from './tab-channel.ts';

export interface Environment {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** From 0 up to, not including, 1. */
  readonly random: () => number;
  readonly fetch: typeof globalThis.fetch;
  readonly locks: Locks;
  /** Calls `wake` when there is reason to think that the network is back: returns what ends that. */
  readonly onWake: (wake: () => void) => () => void;
  /** Calls `lost` when the browser says that it has no network. */
  readonly onOffline: (lost: () => void) => () => void;
  /** Calls `changed` when the page is frozen, and when it goes on: https://wicg.github.io/page-lifecycle/ */
  readonly onFreeze: (changed: (isFrozen: boolean) => void) => () => void;
  /** Whether a person is looking at the page. */
  readonly isVisible: () => boolean;
  readonly openChannel: (name: string) => TabChannel;
  /** Text that outlives the local database: localStorage. */
  readonly storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;
}

/** The globals of a browser, any of which may be missing elsewhere. */
const scope: Partial<Pick<typeof globalThis, 'navigator' | 'document' | 'window' | 'localStorage'>> = globalThis;

function listen(events: readonly (readonly [EventTarget | undefined, string])[], listener: () => void): () => void {
  for (const [target, name] of events) target?.addEventListener(name, listener);
  return () => {
    for (const [target, name] of events) target?.removeEventListener(name, listener);
  };
}

function onWake(wake: () => void): () => void {
  const page = scope.document;
  const events = [
    [scope.window, 'online'],
    [scope.window, 'pageshow'],
    [page, 'resume'],
    [page, 'visibilitychange'],
  ] as const;
  return listen(events, () => {
    if (page?.visibilityState !== 'hidden') wake();
  });
}

function onFreeze(changed: (isFrozen: boolean) => void): () => void {
  const page = scope.document;
  const ends = [listen([[page, 'freeze']], () => changed(true)), listen([[page, 'resume']], () => changed(false))];
  return () => ends.forEach((end) => end());
}

function memoryStorage(): Environment['storage'] {
  const items = new Map<string, string>();
  return {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
  };
}

/** Storage may be forbidden by the browser's settings, and then even looking at it throws. */
function browserStorage(): Environment['storage'] {
  try {
    return scope.localStorage ?? memoryStorage();
  } catch {
    return memoryStorage();
  }
}

export function defaultEnvironment(): Environment {
  const inBrowser = scope.document !== undefined;
  const manager: LockManager | undefined = scope.navigator?.locks;
  return {
    now: () => Date.now(),
    random: () => Math.random(),
    fetch: (input, init) => globalThis.fetch(input, init),
    locks: createLocks(inBrowser ? manager : undefined),
    onWake,
    onOffline: (lost) => listen([[scope.window, 'offline']], lost),
    onFreeze,
    isVisible: () => scope.document?.visibilityState === 'visible',
    openChannel: inBrowser ? openChannel : () => SILENT_CHANNEL,
    storage: inBrowser ? browserStorage() : memoryStorage(),
  };
}
