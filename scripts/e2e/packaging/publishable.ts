/** Checks a packed package without installing it: its exports, types, source maps and links. */
import { readdirSync, existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import type { PackedPackage } from './pack.ts';

/**
 * Lints the package with publint.
 *
 * @param packageDir - The unpacked package.
 * @throws An `Error` that lists the problems.
 */
export async function checkWithPublint(packageDir: string): Promise<void> {
  const { messages, pkg } = await publint({ pkgDir: packageDir, strict: true, pack: false });
  throwUnlessEmpty(messages.map((message) => formatMessage(message, pkg, { color: false }) ?? message.code));
}

/** The packages are ES modules only. These ways to resolve them cannot work by design. */
const IGNORED_RESOLUTIONS: readonly string[] = ['node10', 'node16-cjs'];

/**
 * Checks with "Are the types wrong?" that each export's types resolve, and match its code.
 *
 * @param packed - The package.
 * @throws An `Error` that lists the problems.
 */
export async function checkExportedTypes({ tarball }: PackedPackage): Promise<void> {
  const analysis = await checkPackage(createPackageFromTarballData(new Uint8Array(readFileSync(tarball))));
  if (!analysis.types) throw new Error('The package contains no types.');
  const problems = analysis.problems.filter(
    (problem) => !('resolutionKind' in problem && IGNORED_RESOLUTIONS.includes(problem.resolutionKind)),
  );
  throwUnlessEmpty(problems.map((problem) => JSON.stringify(problem)));
}

/**
 * Checks that every module and declaration has a map, and that the package contains every source of the maps.
 *
 * @param packageDir - The unpacked package.
 * @returns The number of maps.
 * @throws An `Error` that lists what is missing.
 */
export function checkSourceMaps(packageDir: string): string {
  const dist = join(packageDir, 'dist');
  const files = readdirSync(dist, { recursive: true, encoding: 'utf8' });
  const mapped = files.filter(
    (file) => /\.(?:js|d\.ts)$/.test(file) && !/^(?:vendor|page|couchdb-design\/user_registry)\//.test(file),
  );
  const problems = mapped.flatMap((file) => {
    const map = join(dist, `${file}.map`);
    if (!existsSync(map)) return [`${file} has no map.`];
    const { sources } = JSON.parse(readFileSync(map, 'utf8')) as { readonly sources: readonly string[] };
    return sources
      .filter((source) => !existsSync(resolve(dirname(map), source)))
      .map((source) => `The map of ${file} refers to ${source}, which is missing.`);
  });
  throwUnlessEmpty(problems);
  return `${mapped.length} maps`;
}

/**
 * Checks that the README contains no relative link or image.
 *
 * @param packageDir - The unpacked package.
 * @throws An `Error` that lists them.
 */
export function checkReadmeLinks(packageDir: string): void {
  const readme = readFileSync(join(packageDir, 'README.md'), 'utf8').replace(/^```[^]*?^```|`[^`\n]+`/gm, '');
  const targets = [...readme.matchAll(/\]\(([^)]+)\)|(?:src|href)="([^"]+)"/g)].map(([, a, b]) => a ?? b ?? '');
  throwUnlessEmpty(targets.filter((target) => !/^(?:https:\/\/|#)/.test(target)));
}

function throwUnlessEmpty(problems: readonly string[]): void {
  if (problems.length > 0) throw new Error(problems.join('\n'));
}
