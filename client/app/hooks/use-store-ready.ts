import { useEffect, useState } from 'react';
import type { AppStore } from '../store-types.ts';

/** Whether the stored preferences have been read. Until then the store returns defaults, which may be wrong. */
export function useStoreReady(store: AppStore): boolean | 'failed' {
  const [isReady, setReady] = useState<boolean | 'failed'>(false);
  useEffect(() => {
    let isMounted = true;
    const update = (result: boolean | 'failed'): void => {
      if (isMounted) setReady(result);
    };
    store.ready.then(
      () => update(true),
      () => update('failed'),
    );
    return () => {
      isMounted = false;
    };
  }, [store]);
  return isReady;
}
