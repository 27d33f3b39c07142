/** Tells the service worker at build time which files make up the page, and a version that changes when one of them does. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from 'vite';
import { ROUTES } from '../app/routes.ts';

const SERVICE_WORKER = 'service-worker.js';
const PLACEHOLDER = '__PRECACHE__';

export interface PrecacheOptions {
  /** Files that Vite copies as they are, and that are not part of the bundle. */
  readonly publicDirectory: string;
}

/** `/` stands for the page: that is the URL it is asked for by. */
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
        this.error(`${SERVICE_WORKER} has no place for the list of files.`);
      }
      if (worker.imports.length > 0 || worker.exports.length > 0) {
        this.error(`${SERVICE_WORKER} must stand alone: it is not run as a module.`);
      }
      // The worker's own code counts for the version, but it is not one of the files that it keeps.
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
