/** The licences of the packages that are compiled into ours. They require that their texts are kept. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

interface PackageFile {
  readonly name?: string;
  readonly version?: string;
  readonly license?: string;
}

/**
 * Returns the licence texts of the packages that a bundle contains, as Markdown.
 *
 * @param modules - The paths of the bundle's modules. Those outside of `node_modules` are ignored.
 * @returns One section for each package, sorted by name.
 * @throws An `Error` if a package contains no licence file.
 */
export function collectLicenses(modules: Iterable<string>): string {
  const directories = new Set<string>();
  for (const module of modules) {
    const [directory] = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(module.replace(/^\0|\?.*$/g, '')) ?? [];
    if (directory !== undefined && existsSync(join(directory, 'package.json'))) directories.add(directory);
  }
  return [...directories].map(describeLicense).sort().join('\n');
}

function describeLicense(directory: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as PackageFile;
  const file = readdirSync(directory).find((each) => /^licen[cs]e/i.test(each));
  if (file === undefined) throw new Error(`${directory} contains no licence, but is compiled into the package.`);
  const text = readFileSync(join(directory, file), 'utf8').trim();
  return `## ${name ?? dirname(directory)} ${version ?? ''} (${license ?? 'see below'})\n\n\`\`\`text\n${text}\n\`\`\`\n`;
}
