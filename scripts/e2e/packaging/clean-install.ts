/** Installs the packed packages into empty projects from the npm registry, and uses them there. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import manifest from '../../../package.json' with { type: 'json' };
import { startMemoryEngine } from '../../../server/testing/memory-engine.ts';
import { checkCli } from './cli.ts';
import {
  BUNDLE_PROGRAM,
  CLIENT_PROGRAM,
  MOUNTED_PROGRAM,
  SERVER_PROGRAM,
  storePage,
  streamPage,
} from './consumer-sources.ts';
import { NpmProject } from './npm-project.ts';
import type { PackedPackages } from './pack.ts';

export type Bundler = 'vite' | 'webpack' | 'esbuild';
/** The gzipped bytes of a minimal page, by its file and the bundler. */
export type PageSizes = Readonly<Record<string, Readonly<Record<Bundler, number>>>>;

const { typescript, vite, 'react-dom': reactDom, '@types/react': reactTypes } = manifest.devDependencies;
/** Tools of the client's project, with the versions of this repository where it has them. */
const BUNDLERS = [`vite@${vite}`, 'webpack@5', 'esbuild@0.28'];
const REACT = [`react@${reactDom}`, `@types/react@${reactTypes}`];
const TYPESCRIPT = `typescript@${typescript}`;
const SCHEMA = `zod@${manifest.dependencies.zod}`;

/** A minimal page of each entry: the file, and the function that writes it. */
export const PAGES = { 'store.js': storePage, 'stream.js': streamPage } as const;

/**
 * Checks the server's package without its optional dependencies, and then with them.
 *
 * @param packages - The packed packages.
 * @param folder - An empty folder.
 * @returns The number of packages and their size, without the optional dependencies.
 */
export async function checkServerInstall({ server }: PackedPackages, folder: string): Promise<string> {
  const project = new NpmProject(folder);
  await project.install([server.tarball], ['--omit=optional']);
  const { count, megabytes, withInstallScripts, nativeFiles } = project.installed();
  requireNone('Packages with install scripts', withInstallScripts);
  requireNone('Native code', nativeFiles);
  project.write('mounted.mjs', MOUNTED_PROGRAM);
  const engine = await startMemoryEngine();
  try {
    const { url, username, password } = engine.access;
    const access = { COUCHDB_URL: url, COUCHDB_USER: username, COUCHDB_PASSWORD: password };
    await project.run(process.execPath, ['mounted.mjs'], access);
  } finally {
    await engine.close();
  }
  await checkCli(join(folder, 'node_modules/pouchgate'));
  await checkMissingEngine(project);

  await project.install([server.tarball, 'express', SCHEMA, TYPESCRIPT, '@types/express']);
  const program = `import { startTestPouchgate } from 'pouchgate/testing'; await (await startTestPouchgate()).close();`;
  await project.run(process.execPath, ['--input-type=module', '-e', program]);
  await checkTypes(project, 'server.ts', SERVER_PROGRAM, ['node']);
  return `${count} packages, ${megabytes.toFixed(1)} MB without the engine`;
}

/** Starts the server without a CouchDB and without the engine: it must print what to do. */
async function checkMissingEngine(project: NpmProject): Promise<void> {
  const expected = 'Install its packages with "npm install --include=optional", or set COUCHDB_URL';
  const dataDirectory = mkdtempSync(join(tmpdir(), 'pouchgate-no-engine-'));
  try {
    await project.run('npx', ['pouchgate', 'start'], { DATA_DIR: dataDirectory, PORT: '0', METRICS_PORT: 'off' });
  } catch (error) {
    if (error instanceof Error && error.message.includes(expected)) return;
    throw error;
  } finally {
    rmSync(dataDirectory, { recursive: true, force: true });
  }
  throw new Error('The server started without the packages of the embedded engine.');
}

/**
 * Checks the client's package: the installed packages, its types, and minimal pages with three bundlers.
 *
 * @param packages - The packed packages.
 * @param folder - An empty folder.
 * @returns The number of packages, their size, and the sizes of the page of the store.
 */
export async function checkClientInstall({ client }: PackedPackages, folder: string): Promise<string> {
  const project = new NpmProject(folder);
  await project.install([client.tarball]);
  const { count, megabytes, withInstallScripts, nativeFiles } = project.installed();
  requireNone('Packages with install scripts', withInstallScripts);
  requireNone('Native code', nativeFiles);
  await project.install([...REACT, SCHEMA, TYPESCRIPT, ...BUNDLERS]);
  await checkTypes(project, 'client.tsx', CLIENT_PROGRAM, ['react']);
  const sizes = await bundlePages(project, client.name);
  checkBundledSources(project);
  const kilobytes = Object.entries(sizes['store.js'] ?? {}).map(([name, bytes]) => `${name} ${toKb(bytes)}`);
  return `${count} packages, ${megabytes.toFixed(1)} MB; gzipped kB: ${kilobytes.join(', ')}`;
}

/**
 * Checks that every entry can be imported in Node: for server-side rendering, and for tests. No browser's globals exist.
 *
 * @param folder - The project of `checkClientInstall`.
 */
export async function checkPlainNode(folder: string): Promise<void> {
  const project = new NpmProject(folder);
  for (const entry of ['', '/react', '/reasons', '/stream']) {
    const program = `import '@pouchgate/client${entry}'; await new Promise((done) => setTimeout(done, 50));`;
    await project.run(process.execPath, ['--input-type=module', '-e', program]);
  }
}

/**
 * Bundles the minimal pages.
 *
 * @param project - A project with the client library and the bundlers.
 * @param client - The name by which pages import the library.
 * @returns Their sizes.
 */
export async function bundlePages(project: NpmProject, client: string): Promise<PageSizes> {
  for (const [file, page] of Object.entries(PAGES)) project.write(file, page(client));
  project.write('bundle.mjs', BUNDLE_PROGRAM);
  return JSON.parse(await project.run(process.execPath, ['bundle.mjs', ...Object.keys(PAGES)])) as PageSizes;
}

/** Installs the bundlers for `bundlePages`, with further flags of `npm install`. */
export const installBundlers = (project: NpmProject, flags: readonly string[]): Promise<void> =>
  project.install(BUNDLERS, flags);

/** Bytes in units of 1,000, with one decimal. */
export const toKb = (bytes: number): string => (bytes / 1000).toFixed(1);

/** A bundler that reads source maps must reach the TypeScript sources in the package. */
function checkBundledSources({ folder }: NpmProject): void {
  const map = JSON.parse(readFileSync(join(folder, 'out/esbuild-store.js/store.js.map'), 'utf8')) as {
    readonly sources: readonly string[];
    readonly sourcesContent: readonly (string | null)[];
  };
  const index = map.sources.findIndex((source) => source.endsWith('@pouchgate/client/src/client/preferences-store.ts'));
  if (!(map.sourcesContent[index] ?? '').includes('createPreferencesStore')) {
    throw new Error(`A bundle's source map does not contain the library's sources: ${map.sources.join(', ')}`);
  }
}

/** Compiles a program in strict mode, with the declarations of all packages, as a bundler and as Node resolve modules. */
async function checkTypes(project: NpmProject, file: string, program: string, types: readonly string[]): Promise<void> {
  project.write(file, program);
  for (const module of [
    { module: 'esnext', moduleResolution: 'bundler' },
    { module: 'nodenext', moduleResolution: 'nodenext' },
  ]) {
    project.write(
      'tsconfig.json',
      JSON.stringify({
        compilerOptions: {
          ...module,
          target: 'es2022',
          lib: ['es2022', 'dom', 'dom.iterable'],
          jsx: 'react-jsx',
          types,
          strict: true,
          exactOptionalPropertyTypes: true,
          noUncheckedIndexedAccess: true,
          skipLibCheck: false,
          noEmit: true,
        },
        files: [file],
      }),
    );
    await project.run('npx', ['tsc', '-p', '.']);
  }
}

function requireNone(what: string, found: readonly string[]): void {
  if (found.length > 0) throw new Error(`${what}: ${found.join(', ')}`);
}
