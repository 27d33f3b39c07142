import { useEffect, useState } from 'react';
import type { Inspection } from '../../index.ts';
import type { AppStore } from '../store-types.ts';

/** What is stored and has happened, read again after every change; reads never overtake each other. */
export function useInspection(store: AppStore): Inspection | undefined {
  const [inspection, setInspection] = useState<Inspection>();
  useEffect(() => {
    const ended = new AbortController();
    const isOver = (): boolean => ended.signal.aborted;
    let isReading = false;
    let isStale = false;
    const read = async (): Promise<void> => {
      isReading = true;
      while (isStale && !isOver()) {
        isStale = false;
        const next = await store.inspect().catch(() => undefined);
        if (!isOver() && next !== undefined) setInspection(next);
      }
      isReading = false;
    };
    const look = (): void => {
      isStale = true;
      if (!isReading) void read();
    };
    store.ready.then(look, () => undefined);
    const end = store.subscribe(look);
    return () => {
      ended.abort();
      end();
    };
  }, [store]);
  return inspection;
}
