// Server-side rendering with React: the component, for the server and the browser.
import { usePreference, type ReadableStore } from '@pouchgate/client/react';

export interface Shown {
  readonly theme: 'light' | 'dark' | 'system';
  readonly viewMode: 'kanban' | 'table' | 'graph';
}

export function App({ store }: { readonly store: ReadableStore<Shown> }) {
  const theme = usePreference(store, 'theme');
  const viewMode = usePreference(store, 'viewMode');
  return (
    <main data-theme={theme}>
      The view is <b>{viewMode}</b>.
    </main>
  );
}

/** A store with fixed values: for the server, and for the browser's first render, which must equal the server's. */
export const snapshotOf = (preferences: Shown): ReadableStore<Shown> => ({
  get: () => preferences,
  subscribe: () => () => undefined,
});
