/** The library outside a browser: in a Node process without the globals of Jest. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { MAX_WAIT_MS } from '../couchdb-design/testing/patience.ts';

const ROOT = join(import.meta.dirname, '..');

/** Runs a module in a new Node process, which must exit without a call of `process.exit`. Resolves with its output. */
async function runModule(source: string): Promise<string> {
  const args = ['--import', 'tsx', '--input-type=module', '--eval', source];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: ROOT, timeout: MAX_WAIT_MS });
  return stdout;
}

test('the import changes no global and keeps nothing alive', async () => {
  const output = await runModule(`
    const before = Object.getOwnPropertyNames(globalThis);
    await import('./client/index.ts');
    await import('./client/react.ts');
    await import('./client/stream.ts');
    const added = Object.getOwnPropertyNames(globalThis).filter((name) => !before.includes(name));
    console.log(JSON.stringify([added, process.getActiveResourcesInfo().filter((name) => name === 'Timeout')]));
  `);
  expect(JSON.parse(output)).toEqual([[], []]);
});

test('a store renders its defaults on a server, requests nothing and needs no close', async () => {
  const output = await runModule(`
    import { createElement } from 'react';
    import { renderToString } from 'react-dom/server';
    import { createPreferencesStore } from './client/index.ts';
    import { usePreference, usePreferences, useSyncStatus } from './client/react.ts';
    let requests = 0;
    globalThis.fetch = async () => { requests += 1; throw new Error('no network'); };
    const stores = Array.from({ length: 100 }, () => createPreferencesStore({
      url: 'https://example.org/sync/user_registry',
      username: 'alice',
      getToken: async () => { requests += 1; return 'token'; },
    }));
    const Page = ({ store }) => {
      const { viewMode } = usePreferences(store);
      return [usePreference(store, 'theme'), viewMode, useSyncStatus(store).state].join(' ');
    };
    const html = stores.map((store) => renderToString(createElement(Page, { store })));
    await Promise.all(stores.map((store) => store.ready));
    const refused = await stores[0].set({ theme: 'dark' }).catch((error) => error.message);
    const timers = process.getActiveResourcesInfo().filter((name) => name === 'Timeout');
    console.log(JSON.stringify({ html: [...new Set(html)], refused, requests, timers }));
  `);
  expect(JSON.parse(output)).toEqual({
    html: ['system kanban starting'],
    refused: expect.stringContaining('openDatabase') as unknown,
    requests: 0,
    timers: [],
  });
});
