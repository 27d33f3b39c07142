/**
 * The files of the design document, for tests: read as CouchApp tools read them, and run as CouchDB runs them, in a realm
 * of their own, where what is handed over was made elsewhere.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';

const ROOT = join(import.meta.dirname, '../user_registry');

export interface DesignTree {
  readonly [name: string]: string | DesignTree;
}

const readTree = (folder: string): DesignTree =>
  Object.fromEntries(
    readdirSync(folder, { withFileTypes: true }).map((entry): [string, string | DesignTree] => {
      const path = join(folder, entry.name);
      return entry.isDirectory()
        ? [entry.name, readTree(path)]
        : [entry.name.replace(/\.js$/, ''), readFileSync(path, 'utf8').trim()];
    }),
  );

/** `_design/registry` as it is stored: a file's name, without `.js`, is its field's. */
export const designDocument = (): DesignTree => readTree(join(ROOT, '_design', 'registry'));

export const securityObject = (): unknown => JSON.parse(readFileSync(join(ROOT, '_security.json'), 'utf8'));

/** The source of one function, such as `('views', 'by_version', 'map')`. Throws when there is none. */
export const functionSource = (...path: readonly string[]): string => {
  let found: string | DesignTree | undefined = designDocument();
  for (const name of path) found = typeof found === 'object' ? found[name] : undefined;
  if (typeof found !== 'string') throw new Error(`no such function: ${path.join('/')}`);
  return found;
};

export type DesignFunction = (...values: readonly unknown[]) => unknown;

/** A function of the design document. `emit` is what a map function calls. */
export const designFunction = (
  path: readonly string[],
  emit?: (key: unknown, value: unknown) => void,
): DesignFunction =>
  // PouchDB's way, which takes the least: `return` before the text, and no semicolon after it.
  runInNewContext(`(function () { return ${functionSource(...path).replace(/;\s*$/, '')}\n})()`, {
    emit,
  }) as DesignFunction;
