import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Router } from 'express';
import { notFound, sendError } from '../http/errors.ts';
import { identifyRequest } from '../http/identify-request.ts';
import type { PouchgateListener } from './mounted-pouchgate.ts';

/** The paths below `base` that the router serves. */
const SERVED_PATHS = ['/sync', '/api/users'] as const;

/**
 * Creates a request listener that passes the paths below `base` to the router. It compares the raw path, so `base` may contain
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
      identifyRequest(req, res);
      sendError(res, notFound());
    } else {
      next();
    }
  };
}

/** Calls the router with Node's request and response, which suffice although its types require those of Express. */
function handle(router: Router, req: IncomingMessage, res: ServerResponse): void {
  const run = router as unknown as (req: IncomingMessage, res: ServerResponse, done: (error?: unknown) => void) => void;
  run(req, res, (error) => sendError(res, error ?? notFound()));
}

/** Returns the target of the request line. A framework that strips a mount path from `url` keeps it in `originalUrl`. */
function rawUrl(req: IncomingMessage): string {
  return 'originalUrl' in req && typeof req.originalUrl === 'string' ? req.originalUrl : (req.url ?? '/');
}
