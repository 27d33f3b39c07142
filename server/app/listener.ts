import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Router } from 'express';
import { notFound, sendError } from '../http/errors.ts';
import type { PouchgateListener } from './mounted-pouchgate.ts';

/** The paths below `base` that the router serves. */
const SERVED_PATHS = ['/sync', '/api/users'] as const;

/**
 * Creates a request listener from the router that is mounted at `base`. It compares the raw path, so a base may contain
 * characters that are special in Express's paths.
 */
export function createListener(router: Router, base: string): PouchgateListener {
  const served = SERVED_PATHS.map((path) => base + path);
  const isServed = (path: string): boolean => served.some((each) => path === each || path.startsWith(`${each}/`));
  return (req, res, next) => {
    const url = rawUrl(req);
    if (isServed(url.split('?', 1)[0] ?? '')) {
      Object.assign(req, { originalUrl: url, baseUrl: base, url: url.slice(base.length) });
      handle(router, req, res);
    } else if (next === undefined) {
      sendError(res, notFound());
    } else {
      next();
    }
  };
}

/** An Express router only needs a request and a response of Node. Its types require those of an Express application. */
function handle(router: Router, req: IncomingMessage, res: ServerResponse): void {
  const run = router as unknown as (req: IncomingMessage, res: ServerResponse, done: (error?: unknown) => void) => void;
  run(req, res, (error) => sendError(res, error ?? notFound()));
}

/** A framework that strips a mount path from `url` keeps the request line's target in `originalUrl`. */
function rawUrl(req: IncomingMessage): string {
  return 'originalUrl' in req && typeof req.originalUrl === 'string' ? req.originalUrl : (req.url ?? '/');
}
