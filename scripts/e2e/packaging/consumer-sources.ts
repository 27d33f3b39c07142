/** The programs of projects that use the packages: they must compile in strict mode, with the declarations of all packages. */

/** Uses every export of `@pouchgate/client`. */
export const CLIENT_PROGRAM = `
import { createPreferencesStore, type PreferencesStore } from '@pouchgate/client';
import { usePreference, usePreferences, useSyncStatus } from '@pouchgate/client/react';
import { describeReason, REASONS, type StatusReason } from '@pouchgate/client/reasons';
import { createPreferencesStream } from '@pouchgate/client/stream';
import { z } from 'zod';

const options = { url: 'https://example.org/sync/user_registry', username: 'alice', getToken: () => Promise.resolve('') };
const own: PreferencesStore = createPreferencesStore(options);
const theme: 'light' | 'dark' | 'system' = own.get().theme;
await own.set({ theme: 'dark', selectedTags: null });
// @ts-expect-error: no such theme
await own.set({ theme: 'pink' });

const schema = z.strictObject({ density: z.enum(['cosy', 'compact']).optional(), volume: z.number().optional() });
const other = createPreferencesStore({ ...options, schema, defaults: { density: 'cosy' } });
const density: 'cosy' | 'compact' = other.get().density;
const volume: number | undefined = other.get().volume;
await other.set({ volume: 11 });
// @ts-expect-error: no such preference
await other.set({ theme: 'dark' });
other.on('superseded', ({ key, by }) => console.log(key satisfies 'density' | 'volume', by.length));

const { reason, reasons }: { reason: StatusReason | undefined; reasons: readonly StatusReason[] } = own.status();
const sentences: readonly string[] = [...REASONS, ...reasons].map(describeReason);
console.log(reason, sentences);

const stream = createPreferencesStream(options);
const streamed: 'light' | 'dark' | 'system' = stream.get().theme;
const ownStream = createPreferencesStream({ ...options, schema, defaults: { density: 'cosy' } });
const streamedVolume: number | undefined = ownStream.get().volume;
// @ts-expect-error: the stream is read-only
stream.set({ theme: 'dark' });

export function Volume() {
  const all: number | undefined = usePreferences(other).volume;
  const one: 'cosy' | 'compact' = usePreference(other, 'density');
  const followed: 'cosy' | 'compact' = usePreference(ownStream, 'density');
  return [all, one, followed, useSyncStatus(other).state, useSyncStatus(stream).state, theme, density, volume, streamed, streamedVolume];
}
`;

/** Uses every export of `pouchgate`. */
export const SERVER_PROGRAM = `
import express from 'express';
import { createPouchgate, type MountedPouchgate } from 'pouchgate';
import { startTestCouchdb, startTestPouchgate } from 'pouchgate/testing';
import { z } from 'zod';

const couchdb = { url: 'http://127.0.0.1:5984', username: 'x', password: 'x' };
const authenticate = () => ({ username: 'alice', expiresAt: 0 });
const mounted: MountedPouchgate = await createPouchgate({ couchdb, authenticate });
express().use('/prefs', mounted.router);
await mounted.edit('alice', { theme: 'dark', viewMode: null });
// @ts-expect-error: no such theme
await mounted.edit('alice', { theme: 'pink' });
const schema = z.strictObject({ density: z.enum(['cosy', 'compact']).optional(), volume: z.number().optional() });
const own = await createPouchgate({ couchdb: (await startTestCouchdb()).access, authenticate, preferences: { schema } });
const read: number | undefined = (await own.read('alice')).preferences.volume;
// @ts-expect-error: no such preference
await own.edit('alice', { theme: 'dark' });
export const token: string = (await startTestPouchgate()).token('alice');
export const volume = read;
`;

/** A server that mounts the gate in front of the CouchDB of the environment, and edits and reads a user's preferences. */
export const MOUNTED_PROGRAM = `
import assert from 'node:assert/strict';
import { once } from 'node:events';
import express from 'express';
import { createPouchgate } from 'pouchgate';

const { COUCHDB_URL: url, COUCHDB_USER: username, COUCHDB_PASSWORD: password } = process.env;
const pouchgate = await createPouchgate({
  couchdb: { url, username, password },
  base: '/prefs',
  authenticate: (req) => ({ username: req.get('x-user'), expiresAt: Date.now() + 60_000 }),
});
const server = express().use('/prefs', pouchgate.router).listen(0, '127.0.0.1');
await once(server, 'listening');
const response = await fetch(\`http://127.0.0.1:\${server.address().port}/prefs/sync/user_registry/_changes?since=0\`, {
  headers: { 'x-user': 'alice' },
});
assert.equal((await response.json()).results.length, 1);
assert.equal((await pouchgate.edit('alice', { theme: 'dark' })).preferences.theme, 'dark');
await pouchgate.close();
server.close();
server.closeAllConnections();
`;

/** A minimal page of each entry. */
export const storePage = (client: string): string => `
import { createPreferencesStore } from '${client}';
const store = createPreferencesStore({ url: location.origin + '/sync/user_registry', username: 'alice', getToken: async () => 'x' });
store.subscribe(() => { document.body.textContent = store.get().theme; });
`;
export const streamPage = (client: string): string => `
import { createPreferencesStream } from '${client}/stream';
const stream = createPreferencesStream({ url: location.origin + '/api/users/preferences/stream', username: 'alice', getToken: async () => 'x' });
stream.subscribe(() => { document.body.textContent = stream.get().theme; });
`;

/**
 * Bundles the given entries with Vite, webpack and esbuild, and prints the gzipped bytes of each as JSON. A warning of a
 * bundler, such as one about a module that browsers lack, is an error.
 */
export const BUNDLE_PROGRAM = `
import { gzipSync } from 'node:zlib';
import { readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import * as vite from 'vite';
import webpack from 'webpack';
import * as esbuild from 'esbuild';

const sizeOf = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.js'))
    .reduce((sum, entry) => sum + gzipSync(readFileSync(join(entry.parentPath, entry.name))).length, 0);
const fail = (warnings) => {
  if (warnings.length > 0) throw new Error(JSON.stringify(warnings));
};

async function withVite(entry, outDir) {
  const warnings = [];
  await vite.build({
    configFile: false,
    logLevel: 'silent',
    build: { outDir, modulePreload: false, rolldownOptions: { input: entry, onwarn: (warning) => warnings.push(warning.message) } },
  });
  fail(warnings);
  return sizeOf(outDir);
}

const withWebpack = (entry, path) =>
  new Promise((done, reject) => {
    webpack({ mode: 'production', entry, output: { path, filename: 'main.js' }, performance: false }, (error, stats) => {
      if (error || stats.hasErrors() || stats.hasWarnings()) reject(error ?? new Error(stats.toString('errors-warnings')));
      else done(sizeOf(path));
    });
  });

async function withEsbuild(entry, outdir) {
  const { warnings } = await esbuild.build({
    entryPoints: [entry], outdir, bundle: true, minify: true, format: 'esm', sourcemap: true, logLevel: 'silent',
  });
  fail(warnings);
  return sizeOf(outdir);
}

const sizes = {};
for (const name of process.argv.slice(2)) {
  const entry = resolve(name);
  sizes[name] = {
    vite: await withVite(entry, resolve('out/vite-' + name)),
    webpack: await withWebpack(entry, resolve('out/webpack-' + name)),
    esbuild: await withEsbuild(entry, resolve('out/esbuild-' + name)),
  };
}
console.log(JSON.stringify(sizes));
`;
