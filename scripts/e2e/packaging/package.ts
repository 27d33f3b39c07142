/**
 * Checks the published packages: `npm run test:package`. Packs both, lints them, measures their bundles, runs the command,
 * the recipes and the image, and installs them into empty projects. Prints a line for each check. Checks that need the npm
 * registry are skipped where it cannot be reached.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkBundleSize, type SizeBudget } from './bundle-size.ts';
import { checkClientInstall, checkPlainNode, checkServerInstall } from './clean-install.ts';
import { checkCli } from './cli.ts';
import { checkDockerImage, runBuildStage } from './docker-image.ts';
import { checkFirstDay } from './first-day.ts';
import { RegistryUnreachableError } from './npm-project.ts';
import { linkDependencies, packPackages, unpackInto } from './pack.ts';
import { checkProductionStart } from './production-start.ts';
import { checkExportedTypes, checkReadmeLinks, checkSourceMaps, checkWithPublint } from './publishable.ts';
import { checkRecipes } from './recipes.ts';

/**
 * The client library without pouchdb-browser and its dependencies, of which spark-md5 is one. Loaded later are the rules of edits, with
 * PouchDB when a store is opened, and a database in memory where IndexedDB does not work.
 */
const CLIENT_BUDGET: SizeBudget = { maxKb: 15, maxLazyKb: 6, external: ['pouchdb-browser', 'spark-md5'] };
/** The read-only store with all of its dependencies. */
const STREAM_BUDGET: SizeBudget = { maxKb: 6 };

const folder = mkdtempSync(join(tmpdir(), 'pouchgate-package-'));
const results = { passed: 0, failed: 0, skipped: 0 };

async function runCheck(name: string, check: () => unknown): Promise<void> {
  try {
    const note = await check();
    console.log(`ok      ${name}${typeof note === 'string' ? ` (${note})` : ''}`);
    results.passed += 1;
  } catch (error) {
    if (error instanceof RegistryUnreachableError) {
      console.log(`skipped ${name}: the npm registry cannot be reached`);
      results.skipped += 1;
      return;
    }
    const { stdout = '', message = String(error) } = error as Partial<Record<'stdout' | 'message', string>>;
    console.log(`FAILED  ${name}\n${stdout}${message}`);
    results.failed += 1;
  }
}

try {
  // The packages of all checks, so that they are built once.
  const image = runBuildStage(join(folder, 'image'));
  const packages = packPackages(image.build, folder);
  const { server, client } = packages;
  const project = join(folder, 'linked');
  const clientDir = unpackInto(project, client);
  const serverDir = unpackInto(project, server);
  linkDependencies(project);
  writeFileSync(join(project, 'package.json'), JSON.stringify({ type: 'module' }));
  const clientProject = join(folder, 'client');
  const checks: readonly (readonly [string, () => unknown])[] = [
    ...[
      { packed: server, directory: serverDir },
      { packed: client, directory: clientDir },
    ].flatMap(({ packed, directory }): [string, () => unknown][] => [
      [`publint accepts ${packed.name}`, () => checkWithPublint(directory)],
      [`the types of ${packed.name} match its exports`, () => checkExportedTypes(packed)],
      [`the source maps of ${packed.name} resolve`, () => checkSourceMaps(directory)],
      [`the links of ${packed.name}'s README work on a package page`, () => checkReadmeLinks(directory)],
    ]),
    [
      `the client library has at most ${CLIENT_BUDGET.maxKb} kB without pouchdb-browser`,
      () => checkBundleSize(clientDir, 'dist/client/index.js', CLIENT_BUDGET),
    ],
    [
      `the read-only store has at most ${STREAM_BUDGET.maxKb} kB with its dependencies`,
      () => checkBundleSize(clientDir, 'dist/client/stream.js', STREAM_BUDGET),
    ],
    ['the recipes run unchanged', () => checkRecipes(project)],
    ['the command sets up a database, checks it, and starts the server', () => checkCli(serverDir)],
    [
      'docs/operations/pouchgate.service starts and stops the server',
      () => checkProductionStart(serverDir, image.build),
    ],
    [
      'the Dockerfile copies every file that its build, start and health check use',
      () => checkDockerImage(image, join(folder, 'image')),
    ],
    [
      'pouchgate works in an empty project, without and with its optional dependencies',
      () => checkServerInstall(packages, join(folder, 'server')),
    ],
    [
      '@pouchgate/client works in an empty project: types, Vite, webpack, esbuild',
      () => checkClientInstall(packages, clientProject),
    ],
    ['docs/recipes/first-day leads to live sync', () => checkFirstDay(packages, join(folder, 'first-day'))],
    ['@pouchgate/client can be imported in Node', () => checkPlainNode(clientProject)],
  ];
  for (const [name, check] of checks) await runCheck(name, check);
  const { passed, failed, skipped } = results;
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
// The in-memory engine keeps the process alive.
process.exit(results.failed === 0 ? 0 : 1);
