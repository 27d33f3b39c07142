import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { DEFAULT_ID_PREFIX } from '../../couchdb-design/user-document/username.ts';
import { defaultEnvironment } from '../platform/environment.ts';
import { guardLocks } from '../platform/guarded-locks.ts';
import { DEFAULT_PLATFORM_TIMING } from '../platform/timing.ts';
import { App } from './app.tsx';
import { createApi, createTelegramApi } from './session/api.ts';
import { createAppStorage } from './session/local-storage.ts';
import { createAppSession } from './session/session.ts';
import { createTokens } from './session/tokens.ts';
import { createDevicePair } from './two-devices/demo-devices.ts';
import { browserUpdatesEnvironment, watchUpdates } from './updates.ts';
import './styles/base.css';
import './styles/controls.css';
import './styles/fields.css';
import './styles/shell.css';
import './styles/pages.css';
import './styles/rows.css';
import './styles/preview.css';
import './styles/messages.css';
import './styles/inspector.css';
import './styles/two-devices.css';

/** The server writes its configuration into the document, so that a page that starts offline has it, too. */
const readMeta = (name: string, defaultValue: string): string =>
  document.querySelector<HTMLMetaElement>(`meta[name="pouchgate-${name}"]`)?.content ?? defaultValue;

const environment = defaultEnvironment();
const locks = guardLocks({
  locks: environment.locks,
  name: 'pouchgate',
  timing: DEFAULT_PLATFORM_TIMING,
  // Each store reports failures of its own locks.
  report: () => undefined,
  signal: new AbortController().signal,
});
const api = createApi('/api/auth');
const appStorage = createAppStorage(environment.storage);
const pair = createDevicePair(environment);
const session = createAppSession({
  api,
  telegram: createTelegramApi('/api/users/telegram'),
  tokens: createTokens(api, locks),
  appStorage,
  url: location.origin + readMeta('database', '/sync/user_registry'),
  idPrefix: readMeta('id-prefix', DEFAULT_ID_PREFIX),
  getEnvironment: (namespace) => pair.find((device) => device.namespace === namespace)?.network.environment ?? {},
  onSignedOut: () => pair.forEach(({ network }) => network.setOffline(false)),
});
// No service worker in development: it would serve old files.
const updates = watchUpdates({
  ...browserUpdatesEnvironment(),
  ...(import.meta.env.PROD ? {} : { workers: undefined }),
});

// The browser restores a page from its back/forward cache as it was. It must not show a user who has signed out since.
addEventListener('pageshow', ({ persisted }) => {
  const state = session.state();
  if (persisted && state.kind === 'signed-in' && appStorage.username() !== state.username) location.reload();
});

const root = document.getElementById('root');
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <App session={session} appStorage={appStorage} updates={updates} pair={pair} />
    </StrictMode>,
  );
}
