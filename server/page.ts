/** The built page: its files, and the one document that all of its URLs are answered with. */
import type { ServerResponse } from 'node:http';
import express from 'express';

/** The page's own URLs beside `/`; client/app/routes.ts says what is on each. What is not here stays 404. */
const PAGES = ['/devices', '/inspector', '/two-devices'];

/** File names below this carry a digest of what is in them. */
const HASHED = /[/\\]assets[/\\]/;

/** `folder` is what `vite build` made. */
export function createPage(folder: string): express.Router {
  const router = express.Router({ caseSensitive: true, strict: true });
  router.get(PAGES, (_req, res, next) => {
    cacheHeaders(res, '');
    res.sendFile('index.html', { root: folder, cacheControl: false }, (error?: Error) => {
      // Whoever hung up is not told anything more.
      if (error !== undefined && !res.headersSent) next(error);
    });
  });
  router.use(express.static(folder, { redirect: false, setHeaders: cacheHeaders }));
  return router;
}

/** A page's files are new at every build and kept for ever; what names them is asked for each time. */
function cacheHeaders(res: ServerResponse, path: string): void {
  res.setHeader('Cache-Control', HASHED.test(path) ? 'public, max-age=31536000, immutable' : 'no-cache');
}
