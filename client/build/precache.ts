/** Writes the list of the page's files, and a version that changes with any of them, into the service worker at build time. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from 'vite';
import { ROUTES } from '../app/routes.ts';

const SERVICE_WORKER = 'service-worker.js';
const PLACEHOLDER = '__PRECACHE__';

export interface PrecacheOptions {
  /** The directory of files that Vite copies unchanged and that are not part of the bundle. */
  readonly publicDirectory: string;
}

/** The page is requested as `/`. */
const toUrl = (fileName: string): string => (fileName === 'index.html' ? '/' : `/${fileName}`);

export function precache({ publicDirectory }: PrecacheOptions): Plugin {
  return {
    name: 'pouchgate-precache',
    apply: 'build',
    enforce: 'post',
    generateBundle(_options, bundle) {
      const contents = new Map<string, string | Uint8Array>();
      for (const [fileName, output] of Object.entries(bundle)) {
        contents.set(fileName, output.type === 'chunk' ? output.code : output.source);
      }
      for (const fileName of readdirSync(publicDirectory)) {
        contents.set(fileName, new Uint8Array(readFileSync(join(publicDirectory, fileName))));
      }
      const worker = bundle[SERVICE_WORKER];
      if (worker?.type !== 'chunk' || !worker.code.includes(PLACEHOLDER)) {
        this.error(`${SERVICE_WORKER} does not contain ${PLACEHOLDER}, the placeholder of the file list.`);
      }
      if (worker.imports.length > 0 || worker.exports.length > 0) {
        this.error(`${SERVICE_WORKER} must have no imports or exports: it does not run as a module.`);
      }
      // The worker's own code is part of the version, but the worker does not cache itself.
      const files = [...contents.keys()].sort();
      const hash = createHash('sha256');
      for (const file of files) hash.update(file).update(contents.get(file) ?? '');
      const list = JSON.stringify({
        version: hash.digest('hex').slice(0, 16),
        pages: ROUTES.map(({ path }) => path),
        files: files.filter((file) => file !== SERVICE_WORKER).map(toUrl),
      });
      worker.code = worker.code.replaceAll(PLACEHOLDER, () => list);
    },
  };
}
