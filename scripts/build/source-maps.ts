/** The sources that a package's source maps and declaration maps refer to. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

interface SourceMap {
  sources: string[];
}

/**
 * Copies the sources of a map into the package, and makes the map refer to the copies.
 *
 * @param mapFile - The path of the `.map` file.
 * @param root - The directory that contains the sources.
 * @param sourceDirectory - The package's directory for sources. A file keeps its path relative to `root`.
 */
export function includeSources(mapFile: string, root: string, sourceDirectory: string): void {
  const map = JSON.parse(readFileSync(mapFile, 'utf8')) as SourceMap;
  map.sources = map.sources.map((source) => {
    const original = resolve(dirname(mapFile), source);
    const copy = join(sourceDirectory, relative(root, original));
    mkdirSync(dirname(copy), { recursive: true });
    copyFileSync(original, copy);
    return relative(dirname(mapFile), copy);
  });
  writeFileSync(mapFile, JSON.stringify(map));
}
