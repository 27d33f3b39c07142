import { readFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import express from 'express';

/** The page's URLs, as in client/app/routes.ts. Any other path is 404. */
const PAGE_PATHS = ['/', '/index.html', '/devices', '/inspector', '/two-devices'];

/** The names of files in this folder contain a digest of their content. */
const HASHED_ASSET_PATH = /[/\\]assets[/\\]/;

/** The meta tags through which the server configures the page. */
const CONFIG_META_TAG = /(<meta name="pouchgate-(database|id-prefix)" content=")[^"]*/g;

export interface PageConfig {
  /** The URL-encoded path of the database that the page replicates with. */
  readonly database: string;
  /** The prefix of the ids of user documents. */
  readonly idPrefix: string;
}

/** Serves the page built by `vite build` in `folder`: its files, and one HTML document for all of its URLs. */
export function createPage(folder: string, { database, idPrefix }: PageConfig): express.Router {
  const router = express.Router({ caseSensitive: true, strict: true });
  router.get(PAGE_PATHS, async (_req, res) => {
    const html = await readFile(join(folder, 'index.html'), 'utf8');
    setCacheHeaders(res, '');
    const rendered = html.replace(
      CONFIG_META_TAG,
      (_tag, before: string, name: string) => before + (name === 'database' ? database : idPrefix),
    );
    res.type('html').send(rendered);
  });
  router.use(express.static(folder, { redirect: false, index: false, setHeaders: setCacheHeaders }));
  return router;
}

/** Hashed assets are cached for a year. All other files, which refer to them, are revalidated at each load. */
function setCacheHeaders(res: ServerResponse, path: string): void {
  res.setHeader('Cache-Control', HASHED_ASSET_PATH.test(path) ? 'public, max-age=31536000, immutable' : 'no-cache');
}
