import { useEffect } from 'react';
import type { AppStore } from '../store-types.ts';
import type { ToastList } from './toasts.tsx';
import { describeSuperseded } from './describe-change.ts';

/** Tells of an edit that gave way to a later one of another device. */
export function useSuperseded(store: AppStore, { show }: ToastList): void {
  useEffect(
    () =>
      store.on('superseded', ({ key, current }) =>
        show({ id: `superseded-${key}`, text: describeSuperseded(key, current) }),
      ),
    [store, show],
  );
}
