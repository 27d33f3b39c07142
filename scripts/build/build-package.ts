/**
 * Builds the published packages into dist/packages: `npm run build:package`. Each folder is complete: `npm publish
 * dist/packages/client`. The package.json of each is derived from the repository's (manifest.ts).
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'vite';
import { makeLinksAbsolute } from './absolute-links.ts';
import { bundleForNode, modulesOf, redirectImport } from './inline-package.ts';
import { createManifest, type RepositoryManifest } from './manifest.ts';
import { traceModules, type ModuleGraph } from './module-graph.ts';
import { PACKAGES, type PackageDescription } from './packages.ts';
import { includeSources } from './source-maps.ts';
import { collectLicenses } from './third-party-licenses.ts';

const ROOT = join(import.meta.dirname, '../..');

const repository = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as RepositoryManifest;
const repositoryUrl = repository.repository.url.replace(/^git\+|\.git$/g, '');

async function buildPackage(description: PackageDescription): Promise<void> {
  const directory = join(ROOT, 'dist/packages', description.folder);
  const dist = join(directory, 'dist');
  rmSync(directory, { recursive: true, force: true });
  compile(description.project);

  const code = traceModules(modulePaths(description, dist, '.js'));
  const declarations = traceModules(modulePaths(description, dist, '.d.ts'));
  keepOnly(dist, [...code.files, ...declarations.files]);
  for (const map of filesIn(dist, '.map')) includeSources(map, ROOT, join(directory, 'src'));

  const bundled = [
    ...(await inlinePackages(description.inlined, code, join(dist, 'vendor'))),
    ...(description.page ? await buildPage(join(dist, 'page')) : []),
  ];
  for (const folder of description.assets) cpSync(join(ROOT, folder), join(dist, folder), { recursive: true });
  for (const file of Object.values(description.bin ?? {})) chmodSync(join(dist, toCompiled(file, '.js')), 0o755);

  const write = (name: string, text: string): void => writeFileSync(join(directory, name), text);
  const imported = { code: code.packages.keys(), declarations: declarations.packages.keys() };
  write('package.json', `${JSON.stringify(createManifest(repository, description, imported), null, 2)}\n`);
  const readme = readFileSync(join(ROOT, description.readme), 'utf8');
  write('README.md', makeLinksAbsolute(readme, { repository: repositoryUrl, file: description.readme }));
  for (const name of ['LICENSE', 'CHANGELOG.md']) copyFileSync(join(ROOT, name), join(directory, name));
  if (bundled.length > 0) write('THIRD-PARTY-LICENSES.md', collectLicenses(bundled));
}

function compile(project: string): void {
  const { status } = spawnSync(join(ROOT, 'node_modules/.bin/tsc'), ['-p', project], { cwd: ROOT, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

/** Returns the compiled files of the entries. Programs have no users of their types. */
const modulePaths = ({ exports, programs }: PackageDescription, dist: string, extension: '.js' | '.d.ts'): string[] =>
  [...Object.values(exports), ...(extension === '.js' ? programs : [])].map((file) =>
    join(dist, toCompiled(file, extension)),
  );

const toCompiled = (file: string, extension: string): string => file.replace(/\.ts$/, extension);

const filesIn = (directory: string, extension: string): string[] =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(extension))
    .map((file) => join(directory, file));

/** Deletes the modules and declarations that no entry reaches: what only exists for types, and the types of internals. */
function keepOnly(dist: string, files: readonly string[]): void {
  const kept = new Set(files.flatMap((file) => [file, `${file}.map`]));
  for (const file of [...filesIn(dist, '.js'), ...filesIn(dist, '.ts'), ...filesIn(dist, '.map')]) {
    if (!kept.has(file)) rmSync(file);
  }
}

/** Returns the paths of the modules that are compiled in. */
async function inlinePackages(names: readonly string[], { packages }: ModuleGraph, vendor: string): Promise<string[]> {
  const modules: string[] = [];
  for (const name of names) {
    modules.push(...(await bundleForNode(name, ROOT, vendor)));
    for (const file of packages.get(name) ?? []) redirectImport(file, name, join(vendor, `${name}.js`));
  }
  return modules;
}

/** Returns the paths of the modules that the page contains. */
async function buildPage(directory: string): Promise<string[]> {
  const configFile = join(ROOT, 'client/vite.config.ts');
  return modulesOf(await build({ configFile, logLevel: 'warn', build: { outDir: directory } }));
}

for (const description of PACKAGES) await buildPackage(description);
