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
  /**
   * Serializes writes and elects the syncing tab. Default: `navigator.locks`, or locks for this store only where it is
   * missing.
   */
  readonly locks: Locks;
  /**
   * Adds `listener` to window events, among them those of the page lifecycle (https://wicg.github.io/page-lifecycle/).
   * Default: the global `addEventListener`; without it there are no events.
   * @param events The names of the events, separated by spaces: 'freeze resume'.
   * @param listener Called with each event. `type` is the name of the event.
   * @returns A function that removes the listeners.
   */
  readonly listen: (events: string, listener: (event: Pick<Event, 'type'>) => void) => () => void;
  /** Whether the page is visible. Default: `document.hidden` is not true; without a document, the page counts as visible. */
  readonly isVisible: () => boolean;
  /** Opens the channel between the tabs. Default: a BroadcastChannel; outside a browser nothing is sent. */
  readonly openChannel: (name: string) => BroadcastTransport;
  /** Strings by key that outlive the local database. Default: `localStorage`, else an empty object. */
  readonly storage: Record<string, string>;
}

/** Whether the global object is that of a document or a worker. Node has some of the same globals, but not these. */
export const isBrowser = (): boolean => 'document' in globalThis || 'WorkerGlobalScope' in globalThis;

/** Globals that may be missing: in older browsers, in workers, on plain HTTP, and in embedded web views. */
interface BrowserGlobals {
  readonly addEventListener?: EventTarget['addEventListener'];
  readonly document?: Document;
  readonly navigator?: { readonly locks?: Locks };
  readonly localStorage?: Environment['storage'];
}
const globals = globalThis as BrowserGlobals;

/** Listens on the window in the capture phase, so that events of the document arrive too. */
const listen: Environment['listen'] = (events, listener) => {
  const controller = new AbortController();
  for (const type of events.split(' ')) {
    globals.addEventListener?.(type, listener, { capture: true, signal: controller.signal });
  }
  return () => controller.abort();
};

const isVisible = (): boolean => globals.document?.hidden !== true;

/** Replaces a storage that the browser does not provide. All stores of the page share it. */
const pageStorage: Environment['storage'] = {};

/** Whether this storage is lost when the page is closed. */
export const isPageStorage = (storage: Environment['storage']): boolean => storage === pageStorage;

/** Browser settings can forbid storage, and a profile can be damaged. `localStorage` then throws. */
function browserStorage(): Environment['storage'] {
  if (!isBrowser()) return {};
  try {
    const storage = globals.localStorage ?? pageStorage;
    Object.keys(storage);
    return storage;
  } catch {
    return pageStorage;
  }
}

const noop = (): void => undefined;
const NOOP_CHANNEL: BroadcastTransport = { postMessage: noop, onmessage: null, close: noop };
const MISSING_LOCKS: Locks = { request: () => Promise.reject(new Error('This browser has no Web Locks here.')) };

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

/**
 * Returns the default environment: the browser's. A missing facility fails when it is used, so that it is replaced and
 * reported (guarded-locks.ts, guarded-channel.ts). Outside a browser, stores share nothing.
 */
export const defaultEnvironment = (): Environment => ({
  ...defaultNetworkEnvironment(),
  locks: isBrowser() ? (globals.navigator?.locks ?? MISSING_LOCKS) : createInProcessLocks(),
  openChannel: (name) => (isBrowser() ? new BroadcastChannel(name) : NOOP_CHANNEL),
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
