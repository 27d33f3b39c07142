// Server-side rendering with React: the server. The library's modules can be imported in Node, and open no database there.
import { renderToString } from 'react-dom/server';
import type { MountedPouchgate } from 'pouchgate';
import { App, snapshotOf } from './app.tsx';

/** Renders the page of one user. Their preferences are in it, so it must not be cached for others. */
export async function renderPage(pouchgate: Pick<MountedPouchgate, 'read'>, username: string): Promise<string> {
  const { preferences } = await pouchgate.read(username);
  const { theme = 'system', viewMode = 'kanban' } = preferences;
  const shown = { theme, viewMode };
  // `<` is escaped, so that no value can end the script element.
  const data = JSON.stringify({ username, shown }).replaceAll('<', '\\u003c');
  return `<!doctype html>
<div id="root">${renderToString(<App store={snapshotOf(shown)} />)}</div>
<script id="data" type="application/json">${data}</script>
<script type="module" src="/browser.tsx"></script>`;
}
