/** Hydrates the page of checks/hydration.ts, when the store has read other values than the server has rendered. */
import { hydrateRoot } from 'react-dom/client';
import { createPreferencesStore } from '../../../client/index.ts';
import { HydrationPage } from './hydration-page.tsx';

/** Resolves with the errors that React has reported. */
async function hydrate(): Promise<readonly string[]> {
  const url = `${location.origin}/sync/user_registry`;
  const store = createPreferencesStore({ url, username: 'hydrated', getToken: () => Promise.resolve(undefined) });
  await store.set({ theme: 'dark' });
  const errors: string[] = [];
  const root = document.getElementById('hydrated');
  if (root === null) throw new Error('There is nothing to hydrate.');
  hydrateRoot(root, <HydrationPage store={store} />, { onRecoverableError: (error) => errors.push(String(error)) });
  await new Promise<void>((resolve) => {
    const check = (): void => {
      if (root.textContent.startsWith('dark')) resolve();
    };
    new MutationObserver(check).observe(root, { subtree: true, childList: true, characterData: true });
    check();
  });
  await store.signOut();
  return errors;
}

Object.assign(globalThis, { hydrate });
