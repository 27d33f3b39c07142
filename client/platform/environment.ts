/** The platform interfaces that the library uses. A browser has all of them; Node has the clock and `fetch`. */
import { createInProcessLocks, type Locks } from './web-locks.ts';

/** The subset of BroadcastChannel that the library uses. client/tabs/channel.ts types the messages. */
export interface BroadcastTransport {
  /** Sends a message to all other tabs. The message must be structured-cloneable. */
  readonly postMessage: (message: unknown) => void;
  /** Called with each message of another tab. */
  onmessage: ((event: MessageEvent) => void) | null;
  /** Closes the channel: it sends and receives nothing afterwards. */
  readonly close: () => void;
}

/**
 * The platform as the library sees it. Override single members in `StoreOptions.environment`, for tests or for platforms
 * other than a browser.
 */
export interface Environment {
  /** The current time in milliseconds since 1970. Default: `Date.now`. */
  readonly now: () => number;
  /** A random number from 0 (included) to 1 (excluded). Default: `Math.random`. */
  readonly random: () => number;
  /** Sends all requests to the server. Default: the global `fetch`. */
  readonly fetch: typeof globalThis.fetch;
  /** Serializes writes and elects the syncing tab. Default: `navigator.locks`, else locks for this store alone. */
  readonly locks: Locks;
  /**
   * Adds `listener` to window events, among them those of the page lifecycle (https://wicg.github.io/page-lifecycle/).
   * Default: `window.addEventListener`; without a window there are no events.
   * @param events The names of the events, separated by spaces: 'freeze resume'.
   * @param listener Called with each event. `type` is the name of the event.
   * @returns A function that removes the listeners.
   */
  readonly listen: (events: string, listener: (event: Pick<Event, 'type'>) => void) => () => void;
  /** Whether the page is visible. Default: `document.hidden` is not true; without a document it counts as visible. */
  readonly isVisible: () => boolean;
  /** Opens the channel between the tabs. Default: a BroadcastChannel; without a window nothing is sent. */
  readonly openChannel: (name: string) => BroadcastTransport;
  /** Strings by key that outlive the local database. Default: `localStorage`, else an empty object. */
  readonly storage: Record<string, string>;
}

/** Undefined outside a browser. */
const { window } = globalThis as { readonly window?: Window };

/** Listens on the window in the capture phase, so that events of the document arrive too. */
const listen: Environment['listen'] = (events, listener) => {
  const controller = new AbortController();
  for (const type of events.split(' ')) {
    window?.addEventListener(type, listener, { capture: true, signal: controller.signal });
  }
  return () => controller.abort();
};

const isVisible = (): boolean => window?.document.hidden !== true;

/** Browser settings can forbid storage. Reading `window.localStorage` throws then. */
function browserStorage(): Environment['storage'] {
  try {
    return window?.localStorage ?? {};
  } catch {
    return {};
  }
}

const noop = (): void => undefined;
const NOOP_CHANNEL: BroadcastTransport = { postMessage: noop, onmessage: null, close: noop };

/** The members that a connection to the server needs. */
export type NetworkEnvironment = Pick<Environment, 'now' | 'random' | 'fetch' | 'listen' | 'isVisible'>;

/** Returns the default clock, random numbers, network and events. */
export const defaultNetworkEnvironment = (): NetworkEnvironment => ({
  now: () => Date.now(),
  random: () => Math.random(),
  fetch: (input, init) => fetch(input, init),
  listen,
  isVisible,
});

/** Returns the default environment: the browser's, as far as there is one. */
export const defaultEnvironment = (): Environment => ({
  ...defaultNetworkEnvironment(),
  locks: window?.navigator.locks ?? createInProcessLocks(),
  openChannel: (name) => (window ? new BroadcastChannel(name) : NOOP_CHANNEL),
  storage: browserStorage(),
});

/** Events after which the network may be available again, for `Environment.listen`. */
const WAKE_EVENTS = 'online pageshow resume visibilitychange';

/**
 * Calls `listener` when the network may be available again, while the page is visible. Returns a function that removes the
 * listeners.
 */
export const listenForWakeUps = (
  environment: Pick<Environment, 'listen' | 'isVisible'>,
  listener: () => void,
): (() => void) =>
  environment.listen(WAKE_EVENTS, () => {
    if (environment.isVisible()) listener();
  });
