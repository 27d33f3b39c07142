// Server-side rendering with React: the browser. It hydrates with the server's values, and then follows the local store.
import { hydrateRoot } from 'react-dom/client';
import { createPreferencesStore, type GetToken } from '@pouchgate/client';
import { App, snapshotOf, type Shown } from './app.tsx';

/** Starts the page. `getToken` is that of docs/recipes/first-day. */
export async function start(getToken: GetToken): Promise<void> {
  const [root, data] = [document.getElementById('root'), document.getElementById('data')];
  if (root === null || data === null) throw new Error('The page was not rendered by the server.');
  const { username, shown } = JSON.parse(data.textContent) as { username: string; shown: Shown };
  const page = hydrateRoot(root, <App store={snapshotOf(shown)} />);
  const store = createPreferencesStore({ url: `${location.origin}/prefs/sync/user_registry`, username, getToken });
  await store.ready;
  page.render(<App store={store} />);
}
