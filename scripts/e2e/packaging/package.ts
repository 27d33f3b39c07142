/**
 * Checks the published package: packs it, unpacks it into an empty project, lints it with publint, compiles a program
 * against its types, measures its bundles, and runs its command, recipes and image. Prints a line for each check.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { build } from 'vite';
import { checkCli } from './cli.ts';
import { checkRecipes } from './recipes.ts';
import { checkDockerImage } from './docker-image.ts';

const ROOT = join(import.meta.dirname, '../../..');
/** The whole client library, minified and gzipped, without pouchdb-browser and its dependencies. */
const MAX_CLIENT_KB = 12;
/** What is loaded only where IndexedDB does not work, minified and gzipped. */
const MAX_LAZY_KB = 3;
/** The read-only store with all of its dependencies, minified and gzipped. */
const MAX_STREAM_KB = 4;

const CONSUMER = `
import { createPreferencesStore, type PreferencesStore } from 'pouchgate/client';
import { usePreference, usePreferences, useSyncStatus } from 'pouchgate/client/react';
import { createPreferencesStream } from 'pouchgate/client/stream';
import { createPouchgate, type MountedPouchgate } from 'pouchgate';
import { startTestPouchgate } from 'pouchgate/testing';
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

const stream = createPreferencesStream(options);
const streamed: 'light' | 'dark' | 'system' = stream.get().theme;
const ownStream = createPreferencesStream({ ...options, schema, defaults: { density: 'cosy' } });
const streamedVolume: number | undefined = ownStream.get().volume;
// @ts-expect-error: the stream is read-only
stream.set({ theme: 'dark' });

const couchdb = { url: 'http://127.0.0.1:5984', username: 'x', password: 'x' };
const authenticate = () => ({ username: 'alice', expiresAt: 0 });
const mounted: MountedPouchgate = await createPouchgate({ couchdb, authenticate });
await mounted.edit('alice', { theme: 'dark', viewMode: null });
// @ts-expect-error: no such theme
await mounted.edit('alice', { theme: 'pink' });
const ownMounted = await createPouchgate({ couchdb, authenticate, preferences: { schema } });
const read: number | undefined = (await ownMounted.read('alice')).preferences.volume;
// @ts-expect-error: no such preference
await ownMounted.edit('alice', { theme: 'dark' });
const gate: string = (await startTestPouchgate()).token('alice');

export function Volume() {
  const all: number | undefined = usePreferences(other).volume;
  const one: 'cosy' | 'compact' = usePreference(other, 'density');
  const followed: 'cosy' | 'compact' = usePreference(ownStream, 'density');
  return [all, one, followed, useSyncStatus(other).state, useSyncStatus(stream).state, theme, density, volume, streamed, streamedVolume, read, gate];
}
`;

const npx = (command: string, args: readonly string[], cwd: string): string =>
  execFileSync(join(ROOT, 'node_modules/.bin', command), args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });

/** Returns the standard output of a command that fails, or an empty string when it succeeds. */
function captureFailureOutput(run: () => unknown): string {
  try {
    run();
    return '';
  } catch (error) {
    return (error as { readonly stdout?: string }).stdout ?? String(error);
  }
}

/** The packages that a project which uses ours has installed. */
const LINKED_PACKAGES = [
  'zod',
  'react',
  'express',
  'jsonwebtoken',
  'pino',
  '@tanstack',
  '@types',
  '@standard-schema',
  'spark-md5',
  'pouchdb-browser',
];

/** Packs the package and unpacks it into an empty project. Other packages are linked from this checkout. */
function unpackPackage(folder: string): string {
  const [tarball] = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
      cwd: ROOT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  ) as [{ readonly filename: string }];
  const packageDir = join(folder, 'node_modules/pouchgate');
  mkdirSync(packageDir, { recursive: true });
  execFileSync('tar', ['-xzf', join(folder, tarball.filename), '-C', packageDir, '--strip-components=1']);
  symlinkSync(join(ROOT, 'node_modules'), join(packageDir, 'node_modules'));
  for (const name of LINKED_PACKAGES) {
    symlinkSync(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name));
  }
  return packageDir;
}

async function checkPublishable(packageDir: string): Promise<void> {
  const { messages, pkg } = await publint({ pkgDir: packageDir, strict: true, pack: false });
  const problems = messages.map((message) => formatMessage(message, pkg, { color: false }) ?? message.code);
  if (problems.length > 0) throw new Error(problems.join('\n'));
}

function checkTypes(folder: string): void {
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  writeFileSync(join(folder, 'consumer.tsx'), CONSUMER);
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2022', '--lib', 'es2022,dom'];
  const check = [...options, '--jsx', 'react-jsx', '--types', 'react', 'consumer.tsx'];
  npx('tsc', [...check, '--skipLibCheck'], folder);
  // Checks our declarations as well. Errors in the declarations of other packages are ignored.
  const output = captureFailureOutput(() => npx('tsc', [...check, '--skipLibCheck', 'false'], folder));
  const own = output.split('\n').filter((line) => line.includes('pouchgate/dist'));
  if (own.length > 0) throw new Error(own.join('\n'));
}

/**
 * Bundles an entry, minified and gzipped.
 *
 * @returns the size, for example `7.99 kB`; what is loaded later is not included
 * @throws when the bundle is larger than `maxKb`, or what is loaded later than MAX_LAZY_KB, or when it imports a package that is
 * not listed in `external`
 */
async function checkBundleSize(
  packageDir: string,
  entry: string,
  maxKb: number,
  external: readonly string[] = [],
): Promise<string> {
  const result = await build({
    configFile: false,
    root: packageDir,
    logLevel: 'silent',
    build: {
      write: false,
      target: 'es2022',
      // A library, so that Vite's own code for preloading is not counted.
      lib: { entry: join(packageDir, 'dist/package/client', entry), formats: ['es'] },
      rolldownOptions: { external: [...external], output: { minify: true } },
    },
  });
  const outputs = [result].flat().flatMap((bundle) => ('output' in bundle ? bundle.output : []));
  const isLazy = (file: (typeof outputs)[number]): boolean => file.type === 'chunk' && file.isDynamicEntry;
  const sizeOf = (files: typeof outputs): number =>
    files.reduce((sum, file) => sum + gzipSync(file.type === 'chunk' ? file.code : file.source).length, 0);
  const lazyBytes = sizeOf(outputs.filter(isLazy));
  if (lazyBytes > MAX_LAZY_KB * 1024) throw new Error(`What is loaded later has ${lazyBytes} bytes.`);
  const bytes = sizeOf(outputs.filter((file) => !isLazy(file)));
  const size = `${(bytes / 1024).toFixed(2)} kB`;
  if (bytes > maxKb * 1024) throw new Error(`The bundle has ${size}, more than ${maxKb} kB.`);
  return size;
}

const folder = mkdtempSync(join(tmpdir(), 'pouchgate-package-'));
let failed = 0;
try {
  execFileSync(process.execPath, ['scripts/build/build-package.mjs'], {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const packageDir = unpackPackage(folder);
  mkdirSync(join(folder, 'image'));
  const checks: readonly (readonly [string, () => unknown])[] = [
    ['publint accepts the package', () => checkPublishable(packageDir)],
    ['its types compile in another project, with another schema', () => checkTypes(folder)],
    // spark-md5 is a dependency of pouchdb-browser.
    [
      `the client library has at most ${MAX_CLIENT_KB} kB without pouchdb-browser`,
      () => checkBundleSize(packageDir, 'index.js', MAX_CLIENT_KB, ['pouchdb-browser', 'spark-md5']),
    ],
    [
      `the read-only store has at most ${MAX_STREAM_KB} kB with its dependencies`,
      () => checkBundleSize(packageDir, 'stream.js', MAX_STREAM_KB),
    ],
    ['the recipes run unchanged', () => checkRecipes(folder)],
    ['its command sets up a database, checks it, and starts the server', () => checkCli(packageDir)],
    [
      'the Dockerfile copies every file that its build, start and health check use',
      () => checkDockerImage(join(folder, 'image')),
    ],
  ];
  for (const [name, check] of checks) {
    try {
      const note = await check();
      console.log(`ok      ${name}${typeof note === 'string' ? ` (${note})` : ''}`);
    } catch (error) {
      failed += 1;
      const { stdout = '', message = String(error) } = error as Partial<Record<'stdout' | 'message', string>>;
      console.log(`FAILED  ${name}\n${stdout}${message}`);
    }
  }
  console.log(`${checks.length - failed} passed, ${failed} failed`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
// The in-memory engine keeps the process alive.
process.exit(failed === 0 ? 0 : 1);
