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
  /** Calls `left` when the page goes, by a reload too: what it does not do at once may never be done. */
  readonly onLeave: (left: () => void) => () => void;
  /** Whether a person is looking at the page. */
  readonly isVisible: () => boolean;
  readonly openChannel: (name: string) => TabChannel;
  /** Text that outlives the local database: localStorage. */
  readonly storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;
}

/** The globals of a browser, any of which may be missing elsewhere. */
const scope: Partial<Pick<typeof globalThis, 'navigator' | 'document' | 'window' | 'localStorage'>> = globalThis;

/** Calls `listener` at each of these events of the page's or the window's, until what is returned is called. */
function listen(events: string, listener: (event: Event) => void): () => void {
  const end = new AbortController();
  for (const target of [scope.window, scope.document]) {
    for (const type of events.split(' ')) target?.addEventListener(type, listener, { signal: end.signal });
  }
  return () => end.abort();
}

const isVisible = (): boolean => scope.document?.visibilityState === 'visible';

function memoryStorage(): Environment['storage'] {
  const items = new Map<string, string>();
  return {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
  };
}

/** Storage may be forbidden by the browser's settings, and then even looking at it throws. */
function browserStorage(): Environment['storage'] | undefined {
  try {
    return scope.localStorage;
  } catch {
    return undefined;
  }
}

export function defaultEnvironment(): Environment {
  const inBrowser = scope.document !== undefined;
  return {
    now: () => Date.now(),
    random: () => Math.random(),
    fetch: (input, init) => globalThis.fetch(input, init),
    locks: createLocks(inBrowser ? scope.navigator?.locks : undefined),
    onWake: (wake) => listen('online pageshow resume visibilitychange', () => isVisible() && wake()),
    onOffline: (lost) => listen('offline', lost),
    onFreeze: (changed) => listen('freeze resume', ({ type }) => changed(type === 'freeze')),
    onLeave: (left) => listen('pagehide', left),
    isVisible,
    openChannel: inBrowser ? openChannel : () => SILENT_CHANNEL,
    storage: (inBrowser ? browserStorage() : undefined) ?? memoryStorage(),
  };
}
