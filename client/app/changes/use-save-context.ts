import { useEffect, useMemo, useRef } from 'react';
import type { AppStore } from '../store-types.ts';
import type { Saving } from './context.ts';
import type { Changes } from './use-changes.ts';

/** What a store's controls are given, from the changes that are made to it. */
export function useSavingOf(store: AppStore, { save, isOwn }: Changes): Saving {
  const hasBeenLive = useRef(false);
  useEffect(() => {
    const look = (): void => {
      if (store.status().state === 'live') hasBeenLive.current = true;
    };
    look();
    return store.subscribe(look);
  }, [store]);
  return useMemo(() => ({ save, isOwn, isSettled: () => hasBeenLive.current }), [save, isOwn]);
}
