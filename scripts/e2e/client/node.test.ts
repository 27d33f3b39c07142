/** The whole store in a Node process, which has no `self`, with a PouchDB of the application. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { MAX_WAIT_MS } from '../../../couchdb-design/testing/patience.ts';
import { createDeviceFixture, waitForPreferences } from '../testing/device.ts';

const devices = createDeviceFixture();

const PROGRAM = `
  import PouchDB from 'pouchdb-core';
  import memory from 'pouchdb-adapter-memory';
  import http from 'pouchdb-adapter-http';
  import replication from 'pouchdb-replication';
  import { createPreferencesStore } from './client/index.ts';
  if ('self' in globalThis) throw new Error('This is no plain Node.');
  PouchDB.plugin(memory).plugin(http).plugin(replication);
  const { URL: url, NAME: username, TOKEN: token } = process.env;
  const openDatabase = (name) => new PouchDB(name, { adapter: 'memory' });
  const store = createPreferencesStore({ url, username, getToken: async () => token, openDatabase });
  await store.set({ theme: 'dark' });
  const isSynced = () => store.status().state === 'live' && store.status().unsent === 0;
  await new Promise((resolve) => {
    const check = () => isSynced() && resolve();
    store.subscribe(check);
    check();
  });
  console.log(JSON.stringify(store.status().reason ?? 'no reason'));
  await store.close();
`;

test('a store with its own PouchDB syncs, and the process exits once it is closed', async () => {
  const user = devices.newUser();
  const other = devices.open(user).store;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '--eval', PROGRAM],
    {
      cwd: join(import.meta.dirname, '../../..'),
      timeout: MAX_WAIT_MS,
      env: { ...process.env, URL: devices.server.registryUrl, NAME: user, TOKEN: devices.server.token(user) },
    },
  );
  expect(JSON.parse(stdout)).toBe('no reason');
  await waitForPreferences(other, { theme: 'dark' });
});
