import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';

/**
 * Bundles an entry of the client package, minified and gzipped.
 *
 * @param packageDir - The unpacked package.
 * @param entry - The path of the entry in the package.
 * @param maxKb - The budget in KiB.
 * @param external - The packages that are not counted.
 * @returns The size, for example `7.99 kB`.
 * @throws An `Error` if the bundle is larger than `maxKb`.
 */
export async function checkBundleSize(
  packageDir: string,
  entry: string,
  maxKb: number,
  external: readonly string[] = [],
): Promise<string> {
  const result = await build({
    configFile: false,
    root: packageDir,
    logLevel: 'silent',
    build: {
      write: false,
      target: 'es2022',
      modulePreload: false,
      rolldownOptions: {
        input: join(packageDir, entry),
        external: [...external],
        preserveEntrySignatures: 'strict',
      },
    },
  });
  const outputs = [result].flat().flatMap((bundle) => ('output' in bundle ? bundle.output : []));
  const bytes = outputs.reduce(
    (sum, file) => sum + gzipSync(file.type === 'chunk' ? file.code : file.source).length,
    0,
  );
  const size = `${(bytes / 1024).toFixed(2)} kB`;
  if (bytes > maxKb * 1024) throw new Error(`The bundle has ${size}, more than ${maxKb} kB.`);
  return size;
}
