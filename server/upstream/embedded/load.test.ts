import { createRequire } from 'node:module';
import { loadEmbeddedEngine } from './load.ts';

const require = createRequire(__filename);
const MISSING = 'pouchdb-not-installed';

it('rejects with instructions when a package of the engine is not installed', async () => {
  const loading = loadEmbeddedEngine(() => Promise.resolve().then(() => require(MISSING) as never));
  await expect(loading).rejects.toThrow(
    /^The embedded engine cannot be loaded \(Cannot find module 'pouchdb-not-installed'[^\n]*\)\. Install its packages with "npm install --include=optional", or set COUCHDB_URL to use a CouchDB\.$/,
  );
});

it('loads the engine', async () => {
  expect(await loadEmbeddedEngine()).toHaveProperty('startEmbeddedEngine');
});
