/** Which files of a compiled package its entries reach, and which other packages these files import. */
import { existsSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join } from 'node:path';
import ts from 'typescript';

export interface ModuleGraph {
  /** The paths of all files that are reached, the entries included. */
  readonly files: ReadonlySet<string>;
  /** The names of the imported packages, without Node's own modules, and the files that import each. */
  readonly packages: ReadonlyMap<string, readonly string[]>;
}

/**
 * Follows static and dynamic imports from the entries. In declaration files it follows type references as well.
 *
 * @param entries - Paths of compiled modules (`.js`) or of declarations (`.d.ts`).
 * @returns The files and packages that are reached.
 * @throws An `Error` if a relative import leads to a file that does not exist.
 */
export function traceModules(entries: readonly string[]): ModuleGraph {
  const files = new Set(entries);
  const packages = new Map<string, string[]>();
  for (const file of files) {
    const isDeclaration = file.endsWith('.d.ts');
    for (const specifier of importsOf(readFileSync(file, 'utf8'), isDeclaration)) {
      if (specifier.startsWith('.')) files.add(resolveRelative(file, specifier, isDeclaration));
      else if (!isBuiltin(specifier)) {
        const name = packageName(specifier);
        packages.set(name, [...(packages.get(name) ?? []), file]);
      }
    }
  }
  return { files, packages };
}

/** Returns the specifiers that a module imports. A reference to the types of `x` is an import of `@types/x`. */
function importsOf(text: string, isDeclaration: boolean): string[] {
  const { importedFiles, typeReferenceDirectives } = ts.preProcessFile(text, true, !isDeclaration);
  const imported = importedFiles.map(({ fileName }) => fileName);
  if (!isDeclaration) return imported;
  return [...imported, ...typeReferenceDirectives.map(({ fileName }) => `@types/${fileName}`)];
}

/** Returns `@scope/name` or `name`. */
const packageName = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');

function resolveRelative(from: string, specifier: string, isDeclaration: boolean): string {
  const path = join(dirname(from), specifier);
  const file = isDeclaration ? path.replace(/\.[jt]s$/, '.d.ts') : path;
  if (!existsSync(file)) throw new Error(`${from} imports ${specifier}, which does not exist.`);
  return file;
}
