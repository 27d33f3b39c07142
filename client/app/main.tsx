import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import '../index.ts';
import { App } from './app.tsx';
import { createApi } from './session/api.ts';
import { createRemembered } from './session/remembered.ts';
import { createAppSession } from './session/session.ts';
import { createTokens } from './session/tokens.ts';
import { defaultEnvironment } from '../platform/environment.ts';
import './styles/base.css';
import './styles/layout.css';
import './styles/controls.css';

const environment = defaultEnvironment();
const api = createApi('/api/auth');
const remembered = createRemembered(environment.storage);
const session = createAppSession({
  api,
  tokens: createTokens(api, environment.locks),
  remembered,
  url: `${location.origin}/sync/user_registry`,
});

const root = document.getElementById('root');
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <App session={session} remembered={remembered} />
    </StrictMode>,
  );
}

// Without one (a private window, plain HTTP) the page works as well, only not after a reload without a network.
if ('serviceWorker' in navigator && import.meta.env.PROD) {
  navigator.serviceWorker.register('/service-worker.js').catch((error: unknown) => console.warn(error));
}
