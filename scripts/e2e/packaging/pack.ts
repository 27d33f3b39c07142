/** Builds and packs both packages. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PACKAGES, type PackageDescription } from '../../build/packages.ts';

export const ROOT = join(import.meta.dirname, '../../..');

export interface PackedPackage extends PackageDescription {
  /** The path of the `.tgz` file. */
  readonly tarball: string;
}

/** Both packages, by their role. */
export interface PackedPackages {
  readonly server: PackedPackage;
  readonly client: PackedPackage;
}

/** Builds the packages in this checkout. */
export function buildPackages(): void {
  execFileSync(join(ROOT, 'node_modules/.bin/tsx'), ['scripts/build/build-package.ts'], {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/**
 * Packs the built packages as `npm publish` does.
 *
 * @param checkout - The folder in whose `dist/packages` they are.
 * @param folder - Where to write the tarballs.
 * @returns Both packages with their tarballs.
 */
export function packPackages(checkout: string, folder: string): PackedPackages {
  const [server, client] = PACKAGES.map((description) => ({
    ...description,
    tarball: pack(join(checkout, 'dist/packages', description.folder), folder),
  }));
  if (server === undefined || client === undefined) throw new Error('There are not two packages.');
  return { server, client };
}

function pack(directory: string, folder: string): string {
  const [packed] = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
      cwd: directory,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  ) as [{ readonly filename: string }];
  return join(folder, packed.filename);
}

/** The packages that a project which uses ours has installed. */
const LINKED_PACKAGES = ['zod', 'react', 'express', 'jsonwebtoken', 'pino', '@tanstack', '@types', 'vitest'];

/**
 * Unpacks a package into a project. Its dependencies, and those of the project, are linked from this checkout.
 *
 * @param project - The project's folder.
 * @param packed - The package.
 * @returns The folder of the package.
 */
export function unpackInto(project: string, { name, tarball }: PackedPackage): string {
  const packageDir = join(project, 'node_modules', name);
  mkdirSync(packageDir, { recursive: true });
  execFileSync('tar', ['-xzf', tarball, '-C', packageDir, '--strip-components=1']);
  symlinkSync(join(ROOT, 'node_modules'), join(packageDir, 'node_modules'));
  return packageDir;
}

/**
 * Links the packages that the recipes import into a project.
 *
 * @param project - The project's folder.
 */
export function linkDependencies(project: string): void {
  for (const name of LINKED_PACKAGES) {
    const path = join(project, 'node_modules', name);
    mkdirSync(dirname(path), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules', name), path);
  }
}
