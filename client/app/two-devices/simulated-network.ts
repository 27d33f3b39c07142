/**
 * The line between one of the two devices and the server, which a switch can cut. Its state is kept beside the data: it
 * is the same in every tab, since one of them syncs for all, and after a reload.
 */
import type { Environment } from '../../platform/environment.ts';
import { removeItem } from '../../platform/local-data.ts';

export interface SimulatedNetwork {
  readonly isOffline: () => boolean;
  readonly setOffline: (cut: boolean) => void;
  readonly subscribe: (listener: () => void) => () => void;
  /** What the device's store is given in place of the browser's own. */
  readonly environment: Pick<Environment, 'fetch' | 'listen'>;
}

export interface SimulatedNetworkOptions {
  /** Where the state is kept. */
  readonly storageKey: string;
  readonly base: Pick<Environment, 'fetch' | 'listen' | 'storage'>;
  /** Calls `changed` when another tab has cut or mended it. Never ended: there is one line for each device. */
  readonly onOtherTabChange: (changed: () => void) => void;
}

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
    setOffline: (cut) => {
      if (cut === isOffline()) return;
      if (cut) base.storage[storageKey] = 'cut';
      else removeItem(base.storage, storageKey);
      publish();
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    environment: {
      fetch: (input, init) => {
        // What a browser says without a network.
        if (isOffline()) return Promise.reject(new TypeError('Failed to fetch'));
        const signals = [offlineAbort.signal, init?.signal].filter((signal) => signal !== null && signal !== undefined);
        return base.fetch(input, { ...init, signal: AbortSignal.any(signals) });
      },
      listen: (types, listener) => {
        const end = new AbortController();
        for (const type of types.split(' ')) events.addEventListener(type, listener, { signal: end.signal });
        // While the line is cut, nothing that happens to the page brings the network back.
        const isOfNetwork = types.split(' ').includes('online');
        const endBase = base.listen(types, (event) => {
          if (!isOfNetwork || !isOffline()) listener(event);
        });
        return () => {
          end.abort();
          endBase();
        };
      },
    },
  };
}
