/**
 * The line between one of the two devices and the server, which a switch can cut. Its state is kept beside the data: it
 * is the same in every tab, since one of them syncs for all, and after a reload.
 */
import type { Environment } from '../../platform/environment.ts';

export interface Line {
  readonly isCut: () => boolean;
  readonly setCut: (cut: boolean) => void;
  readonly subscribe: (listener: () => void) => () => void;
  /** What the device's store is given in place of the browser's own. */
  readonly environment: Pick<Environment, 'fetch' | 'onWake' | 'onOffline'>;
}

export interface LineOptions {
  /** Where the state is kept. */
  readonly key: string;
  readonly base: Pick<Environment, 'fetch' | 'onWake' | 'onOffline' | 'storage'>;
  /** Calls `changed` when another tab has cut or mended it. Never ended: there is one line for each device. */
  readonly onOtherTab: (changed: () => void) => void;
}

export function createLine({ key, base, onOtherTab }: LineOptions): Line {
  const listeners = new Set<() => void>();
  const lost = new Set<() => void>();
  const wakes = new Set<() => void>();
  const isCut = (): boolean => base.storage.getItem(key) !== null;
  let cutting = new AbortController();

  const tell = (): void => {
    if (isCut()) {
      cutting.abort();
      cutting = new AbortController();
    }
    for (const listener of [...(isCut() ? lost : wakes), ...listeners]) listener();
  };
  onOtherTab(tell);

  const joined = (set: Set<() => void>, listener: () => void, end: () => void): (() => void) => {
    set.add(listener);
    return () => {
      set.delete(listener);
      end();
    };
  };

  return {
    isCut,
    setCut: (cut) => {
      if (cut === isCut()) return;
      if (cut) base.storage.setItem(key, 'cut');
      else base.storage.removeItem(key);
      tell();
    },
    subscribe: (listener) => joined(listeners, listener, () => undefined),
    environment: {
      fetch: (input, init) => {
        // What a browser says without a network.
        if (isCut()) return Promise.reject(new TypeError('Failed to fetch'));
        const signals = [cutting.signal, init?.signal].filter((signal) => signal !== null && signal !== undefined);
        return base.fetch(input, { ...init, signal: AbortSignal.any(signals) });
      },
      onWake: (wake) =>
        joined(
          wakes,
          wake,
          base.onWake(() => !isCut() && wake()),
        ),
      onOffline: (listener) => joined(lost, listener, base.onOffline(listener)),
    },
  };
}
