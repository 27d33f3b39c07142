/**
 * The files of the design document, for tests. They are read like CouchApp tools do, and their functions run like in
 * CouchDB, in a separate realm with arguments from another one.
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

/** Returns `_design/registry` as it is stored. A file's name without `.js` is the name of its member. */
export const designDocument = (): DesignTree => readTree(join(ROOT, '_design', 'registry'));

/** Returns the security object of the registry. */
export const securityObject = (): unknown => JSON.parse(readFileSync(join(ROOT, '_security.json'), 'utf8'));

/** Returns the source of one function, such as `('views', 'by_version', 'map')`. Throws when it does not exist. */
export const functionSource = (...path: readonly string[]): string => {
  let node: string | DesignTree | undefined = designDocument();
  for (const name of path) node = typeof node === 'object' ? node[name] : undefined;
  if (typeof node !== 'string') throw new Error(`no such function: ${path.join('/')}`);
  return node;
};

export type DesignFunction = (...values: readonly unknown[]) => unknown;

/** Returns a function of the design document. A map function calls `emit`. */
export const designFunction = (
  path: readonly string[],
  emit?: (key: unknown, value: unknown) => void,
): DesignFunction =>
  // As in PouchDB, the most restrictive evaluator: `return` before the text, and no semicolon after it.
  runInNewContext(`(function () { return ${functionSource(...path).replace(/;\s*$/, '')}\n})()`, {
    emit,
  }) as DesignFunction;
