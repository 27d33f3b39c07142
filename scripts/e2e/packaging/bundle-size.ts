import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';

export interface SizeBudget {
  /** The budget in KiB for what a page loads at its start. */
  readonly maxKb: number;
  /** The budget in KiB for what is imported only when it is needed. Default: nothing may be. */
  readonly maxLazyKb?: number;
  /** The packages that are not counted. */
  readonly external?: readonly string[];
}

/**
 * Bundles an entry of the client package, minified and gzipped.
 *
 * @param packageDir - The unpacked package.
 * @param entry - The path of the entry in the package.
 * @param budget - The limits, and what is not counted.
 * @returns The size of what is loaded at the start, for example `7.99 kB`, and of what is loaded later.
 * @throws An `Error` if a budget is exceeded.
 */
export async function checkBundleSize(packageDir: string, entry: string, budget: SizeBudget): Promise<string> {
  const { maxKb, maxLazyKb = 0, external = [] } = budget;
  const result = await build({
    configFile: false,
    root: packageDir,
    logLevel: 'silent',
    // As in every production build. Vite does not replace it in a library.
    define: { 'process.env.NODE_ENV': '"production"' },
    build: {
      write: false,
      target: 'es2022',
      // A library, so that Vite's own code for preloading is not counted.
      lib: { entry: join(packageDir, entry), formats: ['es'] },
      rolldownOptions: {
        external: [...external],
        output: { minify: true },
        // As in an application, whose entry is not a library: modules that a lazy file shares with the entry stay in the entry.
        preserveEntrySignatures: 'allow-extension',
      },
    },
  });
  const outputs = [result].flat().flatMap((bundle) => ('output' in bundle ? bundle.output : []));
  const isLazy = (file: (typeof outputs)[number]): boolean => file.type === 'chunk' && file.isDynamicEntry;
  const sizeOf = (files: typeof outputs): number =>
    files.reduce((sum, file) => sum + gzipSync(file.type === 'chunk' ? file.code : file.source).length, 0) / 1024;
  const size = sizeOf(outputs.filter((file) => !isLazy(file)));
  const lazySize = sizeOf(outputs.filter(isLazy));
  const format = (kb: number): string => `${kb.toFixed(2)} kB`;
  if (size > maxKb) throw new Error(`The bundle has ${format(size)}, more than ${maxKb} kB.`);
  if (lazySize > maxLazyKb) throw new Error(`What is loaded later has ${format(lazySize)}, more than ${maxLazyKb} kB.`);
  return lazySize > 0 ? `${format(size)}, and ${format(lazySize)} that is loaded later` : format(size);
}
