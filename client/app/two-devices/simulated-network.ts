/**
 * The line between one of the two devices and the server, which a switch can cut. Its state is kept beside the data: it
 * is the same in every tab, since one of them syncs for all, and after a reload.
 */
import type { Environment } from '../../platform/environment.ts';
import { remove } from '../../platform/local-data.ts';

export interface Line {
  readonly isCut: () => boolean;
  readonly setCut: (cut: boolean) => void;
  readonly subscribe: (listener: () => void) => () => void;
  /** What the device's store is given in place of the browser's own. */
  readonly environment: Pick<Environment, 'fetch' | 'listen'>;
}

export interface LineOptions {
  /** Where the state is kept. */
  readonly key: string;
  readonly base: Pick<Environment, 'fetch' | 'listen' | 'storage'>;
  /** Calls `changed` when another tab has cut or mended it. Never ended: there is one line for each device. */
  readonly onOtherTab: (changed: () => void) => void;
}

export function createLine({ key, base, onOtherTab }: LineOptions): Line {
  const listeners = new Set<() => void>();
  const events = new EventTarget();
  const isCut = (): boolean => base.storage[key] !== undefined;
  let cutting = new AbortController();

  const tell = (): void => {
    if (isCut()) {
      cutting.abort();
      cutting = new AbortController();
    }
    events.dispatchEvent(new Event(isCut() ? 'offline' : 'online'));
    for (const listener of listeners) listener();
  };
  onOtherTab(tell);

  return {
    isCut,
    setCut: (cut) => {
      if (cut === isCut()) return;
      if (cut) base.storage[key] = 'cut';
      else remove(base.storage, key);
      tell();
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    environment: {
      fetch: (input, init) => {
        // What a browser says without a network.
        if (isCut()) return Promise.reject(new TypeError('Failed to fetch'));
        const signals = [cutting.signal, init?.signal].filter((signal) => signal !== null && signal !== undefined);
        return base.fetch(input, { ...init, signal: AbortSignal.any(signals) });
      },
      listen: (types, listener) => {
        const end = new AbortController();
        for (const type of types.split(' ')) events.addEventListener(type, listener, { signal: end.signal });
        // While the line is cut, nothing that happens to the page brings the network back.
        const isOfNetwork = types.split(' ').includes('online');
        const endBase = base.listen(types, (event) => {
          if (!isOfNetwork || !isCut()) listener(event);
        });
        return () => {
          end.abort();
          endBase();
        };
      },
    },
  };
}
