import { useEffect, useState } from 'react';
import type { AppStore } from '../store-types.ts';

/** Whether the browser has read what is stored: before, what would be shown are defaults that may be wrong. */
export function useIsRead(store: AppStore): boolean | 'failed' {
  const [isRead, setRead] = useState<boolean | 'failed'>(false);
  useEffect(() => {
    let isCurrent = true;
    const read = (result: boolean | 'failed'): void => {
      if (isCurrent) setRead(result);
    };
    store.ready.then(
      () => read(true),
      () => read('failed'),
    );
    return () => {
      isCurrent = false;
    };
  }, [store]);
  return isRead;
}
