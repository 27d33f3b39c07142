/** What the library takes from the place it runs in. A browser has all of it; Node has clocks and `fetch`. */
import { createInProcessLocks, type Locks } from './web-locks.ts';

/** The subset of BroadcastChannel that the library uses. The messages are typed by client/tabs/channel.ts. */
export interface BroadcastTransport {
  readonly postMessage: (message: unknown) => void;
  onmessage: ((event: MessageEvent) => void) | null;
  readonly close: () => void;
}

export interface Environment {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** From 0 up to, not including, 1. */
  readonly random: () => number;
  readonly fetch: typeof globalThis.fetch;
  readonly locks: Locks;
  /**
   * Calls `listener` at each of these events of the page or its window, names with spaces between, until what is returned
   * is called: https://wicg.github.io/page-lifecycle/
   */
  readonly listen: (events: string, listener: (event: Pick<Event, 'type'>) => void) => () => void;
  /** Whether a person is looking at the page. */
  readonly isVisible: () => boolean;
  readonly openChannel: (name: string) => BroadcastTransport;
  /** Texts by name that outlive the local database: localStorage, or any object. */
  readonly storage: Record<string, string>;
}

/** Elsewhere than in a browser there is none, nothing is shared, and each store is by itself. */
const { window } = globalThis as { readonly window?: Window };

/** The page's events pass by the window too. */
const listen: Environment['listen'] = (events, listener) => {
  const end = new AbortController();
  for (const type of events.split(' ')) {
    window?.addEventListener(type, listener, { capture: true, signal: end.signal });
  }
  return () => end.abort();
};

const isVisible = (): boolean => window?.document.hidden === false;

/** Storage may be forbidden by the browser's settings, and then even looking at it throws. */
function browserStorage(): Environment['storage'] {
  try {
    return window?.localStorage ?? {};
  } catch {
    return {};
  }
}

const noop = (): void => undefined;
const NOOP_CHANNEL: BroadcastTransport = { postMessage: noop, onmessage: null, close: noop };

export const defaultEnvironment = (): Environment => ({
  now: () => Date.now(),
  random: () => Math.random(),
  fetch: (input, init) => fetch(input, init),
  locks: window?.navigator.locks ?? createInProcessLocks(),
  listen,
  isVisible,
  openChannel: (name) => (window ? new BroadcastChannel(name) : NOOP_CHANNEL),
  storage: browserStorage(),
});

/** Events that are a reason to think that the network is back. */
export const WAKE_EVENTS = 'online pageshow resume visibilitychange';
