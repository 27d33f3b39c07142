import { useEffect } from 'react';
import type { AppStore } from '../store-types.ts';
import type { ToastList } from './toasts.tsx';
import { describeSuperseded } from './describe-change.ts';

/** Shows a toast when a later edit on another device replaces one of this device. */
export function useSuperseded(store: AppStore, { show }: ToastList): void {
  useEffect(
    () =>
      store.on('superseded', ({ key, current }) =>
        show({ id: `superseded-${key}`, text: describeSuperseded(key, current) }),
      ),
    [store, show],
  );
}
