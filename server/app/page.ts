/** The built page: its files, and the one document that all of its URLs are answered with. */
import { readFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import express from 'express';

/** The page's own URLs; client/app/routes.ts says what is on each. What is not here stays 404. */
const PAGE_PATHS = ['/', '/index.html', '/devices', '/inspector', '/two-devices'];

/** File names below this carry a digest of what is in them. */
const HASHED_ASSET_PATH = /[/\\]assets[/\\]/;

/** Where the page's document says what it replicates with: the server alone knows what that is called. */
const CONFIG_META_TAG = /(<meta name="pouchgate-(database|id-prefix)" content=")[^"]*/g;

export interface PageConfig {
  /** The path of what the page replicates with, escaped as in a URL. */
  readonly database: string;
  /** What the ids of user documents begin with. */
  readonly idPrefix: string;
}

/** `folder` is what `vite build` made. */
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

/** A page's files are new at every build and kept for ever; what names them is asked for each time. */
function setCacheHeaders(res: ServerResponse, path: string): void {
  res.setHeader('Cache-Control', HASHED_ASSET_PATH.test(path) ? 'public, max-age=31536000, immutable' : 'no-cache');
}
