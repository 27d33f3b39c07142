import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { USUAL_ID_PREFIX } from '../../couchdb-design/user-document/username.ts';
import { defaultEnvironment } from '../platform/environment.ts';
import { App } from './app.tsx';
import { createApi, createTelegramApi } from './session/api.ts';
import { createRemembered } from './session/local-storage.ts';
import { createAppSession } from './session/session.ts';
import { createTokens } from './session/tokens.ts';
import { createPair } from './two-devices/demo-devices.ts';
import { browserUpdates, watchUpdates } from './updates.ts';
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

/** The server says it in the document, so that a page that starts without a network knows it too. */
const told = (name: string, usual: string): string =>
  document.querySelector<HTMLMetaElement>(`meta[name="pouchgate-${name}"]`)?.content ?? usual;

const environment = defaultEnvironment();
const api = createApi('/api/auth');
const remembered = createRemembered(environment.storage);
const pair = createPair(environment);
const session = createAppSession({
  api,
  telegram: createTelegramApi('/api/users/telegram'),
  tokens: createTokens(api, environment.locks),
  remembered,
  url: location.origin + told('database', '/sync/user_registry'),
  idPrefix: told('id-prefix', USUAL_ID_PREFIX),
  environmentOf: (namespace) => pair.find((device) => device.namespace === namespace)?.line.environment ?? {},
  onLeft: () => pair.forEach(({ line }) => line.setCut(false)),
});
// While developing, what is served must be what was just written.
const updates = watchUpdates({ ...browserUpdates(), ...(import.meta.env.PROD ? {} : { workers: undefined }) });

// A page that the browser had put aside comes back as it was: it must not show somebody who has signed out meanwhile.
addEventListener('pageshow', ({ persisted }) => {
  const state = session.state();
  if (persisted && state.kind === 'signed-in' && remembered.username() !== state.username) location.reload();
});

const root = document.getElementById('root');
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <App session={session} remembered={remembered} updates={updates} pair={pair} />
    </StrictMode>,
  );
}
