import { useEffect, useMemo, useRef } from 'react';
import type { AppStore } from '../store-types.ts';
import type { SaveContextValue } from './context.ts';
import type { Changes } from './use-changes.ts';

/** Creates the context value for the controls of a store. */
export function useSaveContextValue(store: AppStore, { save, isLocalEdit }: Changes): SaveContextValue {
  const hasBeenLive = useRef(false);
  useEffect(() => {
    const checkStatus = (): void => {
      if (store.status().state === 'live') hasBeenLive.current = true;
    };
    checkStatus();
    return store.subscribe(checkStatus);
  }, [store]);
  return useMemo(() => ({ save, isLocalEdit, hasCaughtUp: () => hasBeenLive.current }), [save, isLocalEdit]);
}
