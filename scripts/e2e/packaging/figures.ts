/**
 * Prints what each package costs in an empty project, as a Markdown table: `npm run package-figures`. It installs from the
 * npm registry. To measure another version: `npm run package-figures -- <server tarball> <client tarball> <client's name>`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { markdownTable } from '../../tables.ts';
import { bundlePages, installBundlers, toKb } from './clean-install.ts';
import { NpmProject } from './npm-project.ts';
import { buildPackages, packPackages, ROOT } from './pack.ts';

interface Measured {
  readonly name: string;
  readonly tarball: string;
  readonly flags?: readonly string[];
}

/** Versions before the two packages could not be installed with `--engine-strict`. */
const FLAGS = ['--ignore-scripts', '--no-engine-strict'];

const folder = mkdtempSync(join(tmpdir(), 'pouchgate-figures-'));
try {
  const [serverTarball, clientTarball, clientName] = process.argv.slice(2);
  if (serverTarball === undefined) buildPackages();
  const packed = serverTarball === undefined ? packPackages(ROOT, folder) : undefined;
  const server = resolve(packed?.server.tarball ?? serverTarball ?? '');
  const client = {
    name: packed?.client.name ?? clientName ?? '',
    tarball: resolve(packed?.client.tarball ?? clientTarball ?? ''),
  };

  const installs: readonly Measured[] = [
    { name: 'pouchgate', tarball: server },
    { name: 'pouchgate --omit=optional', tarball: server, flags: ['--omit=optional'] },
    client,
  ];
  const rows: string[][] = [['installed', 'packages', 'MB', 'with install scripts']];
  for (const [index, { name, tarball, flags = [] }] of installs.entries()) {
    const project = new NpmProject(join(folder, `install-${index}`));
    await project.install([tarball], [...flags, ...FLAGS]);
    const { count, megabytes, withInstallScripts } = project.installed();
    rows.push([`\`${name}\``, String(count), megabytes.toFixed(1), String(withInstallScripts.length)]);
  }
  console.log(markdownTable(rows));

  const project = new NpmProject(join(folder, 'install-2'));
  await project.install([client.tarball], FLAGS);
  await installBundlers(project, FLAGS);
  const sizes = await bundlePages(project, client.name);
  const pages = Object.entries(sizes).map(([file, { vite, webpack, esbuild }]) => [
    `\`${file}\``,
    ...[vite, webpack, esbuild].map(toKb),
  ]);
  console.log(`\n${markdownTable([['minimal page, gzipped kB', 'Vite', 'webpack', 'esbuild'], ...pages])}`);
  console.log(`\n${new Date().toISOString().slice(0, 10)}, Node ${process.versions.node}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
