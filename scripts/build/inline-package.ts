/** Compiles a dependency into the package, so that the package does not declare it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import { build, type Rolldown } from 'vite';

/**
 * Bundles a package of `node_modules` into one module for Node.
 *
 * @param name - The package's name.
 * @param root - The repository.
 * @param directory - Where to write `<name>.js`.
 * @returns The paths of the modules that the bundle contains.
 */
export async function bundleForNode(name: string, root: string, directory: string): Promise<string[]> {
  const result = await build({
    configFile: false,
    root,
    logLevel: 'warn',
    ssr: { noExternal: true, target: 'node' },
    build: {
      ssr: true,
      outDir: directory,
      emptyOutDir: true,
      minify: false,
      target: 'es2023',
      copyPublicDir: false,
      rolldownOptions: { input: { [name]: name }, output: { entryFileNames: '[name].js' } },
    },
  });
  return modulesOf(result);
}

/** Returns the paths of the modules that a build contains. */
export const modulesOf = (result: Awaited<ReturnType<typeof build>>): string[] =>
  [result]
    .flat()
    .flatMap((bundle): readonly (Rolldown.OutputChunk | Rolldown.OutputAsset)[] =>
      'output' in bundle ? bundle.output : [],
    )
    .flatMap((output) => (output.type === 'chunk' ? output.moduleIds : []));

/**
 * Makes a compiled module import a bundle instead of the package.
 *
 * @param file - The compiled module.
 * @param name - The package's name.
 * @param bundle - The path of the bundle.
 */
export function redirectImport(file: string, name: string, bundle: string): void {
  const path = relative(dirname(file), bundle);
  const text = readFileSync(file, 'utf8');
  const redirected = text.replaceAll(`from '${name}'`, `from '${path.startsWith('.') ? path : `./${path}`}'`);
  if (redirected === text) throw new Error(`${file} does not import ${name} as expected.`);
  writeFileSync(file, redirected);
}
