import { useEffect, useState } from 'react';
import type { DebugSnapshot } from '../../index.ts';
import type { AppStore } from '../store-types.ts';

/** The store's debug snapshot, read again after every change. Only one read runs at a time. */
export function useDebugSnapshot(store: AppStore): DebugSnapshot | undefined {
  const [snapshot, setSnapshot] = useState<DebugSnapshot>();
  useEffect(() => {
    const cancellation = new AbortController();
    const isCancelled = (): boolean => cancellation.signal.aborted;
    let isReading = false;
    let isStale = false;
    const read = async (): Promise<void> => {
      isReading = true;
      while (isStale && !isCancelled()) {
        isStale = false;
        const next = await store.inspect().catch(() => undefined);
        if (!isCancelled() && next !== undefined) setSnapshot(next);
      }
      isReading = false;
    };
    const refresh = (): void => {
      isStale = true;
      if (!isReading) void read();
    };
    store.ready.then(refresh, () => undefined);
    const unsubscribe = store.subscribe(refresh);
    return () => {
      cancellation.abort();
      unsubscribe();
    };
  }, [store]);
  return snapshot;
}
