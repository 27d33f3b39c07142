/**
 * The network of one of the two devices, which a switch can take offline. Its state is in storage, so that it is the same
 * after a reload and in every tab, since one tab syncs for all.
 */
import type { Environment } from '../../platform/environment.ts';
import { removeItem } from '../../platform/local-data.ts';

export interface SimulatedNetwork {
  readonly isOffline: () => boolean;
  readonly setOffline: (offline: boolean) => void;
  readonly subscribe: (listener: () => void) => () => void;
  /** Replaces the browser's environment in the device's store. */
  readonly environment: Pick<Environment, 'fetch' | 'listen'>;
}

export interface SimulatedNetworkOptions {
  /** The key of the state in `base.storage`. */
  readonly storageKey: string;
  readonly base: Pick<Environment, 'fetch' | 'listen' | 'storage'>;
  /** Calls `listener` when another tab has changed the state. It is never removed: there is one network for each device. */
  readonly onOtherTabChange: (listener: () => void) => void;
}

/** Creates a network that passes requests and events on to `base` while it is online. */
export function createSimulatedNetwork({
  storageKey,
  base,
  onOtherTabChange,
}: SimulatedNetworkOptions): SimulatedNetwork {
  const listeners = new Set<() => void>();
  const events = new EventTarget();
  const isOffline = (): boolean => base.storage[storageKey] !== undefined;
  let offlineAbort = new AbortController();

  const publish = (): void => {
    if (isOffline()) {
      offlineAbort.abort();
      offlineAbort = new AbortController();
    }
    events.dispatchEvent(new Event(isOffline() ? 'offline' : 'online'));
    for (const listener of listeners) listener();
  };
  onOtherTabChange(publish);

  return {
    isOffline,
    setOffline: (offline) => {
      if (offline === isOffline()) return;
      if (offline) base.storage[storageKey] = 'cut';
      else removeItem(base.storage, storageKey);
      publish();
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    environment: {
      fetch: (input, init) => {
        // The error of a browser without a network.
        if (isOffline()) return Promise.reject(new TypeError('Failed to fetch'));
        const signals = [offlineAbort.signal, init?.signal].filter((signal) => signal !== null && signal !== undefined);
        return base.fetch(input, { ...init, signal: AbortSignal.any(signals) });
      },
      listen: (eventNames, listener) => {
        const types = eventNames.split(' ');
        const subscription = new AbortController();
        for (const type of types) events.addEventListener(type, listener, { signal: subscription.signal });
        // While the simulated network is offline, no event of the page may report it as online.
        const isOnlineEvent = types.includes('online');
        const unsubscribeBase = base.listen(eventNames, (event) => {
          if (!isOnlineEvent || !isOffline()) listener(event);
        });
        return () => {
          subscription.abort();
          unsubscribeBase();
        };
      },
    },
  };
}
