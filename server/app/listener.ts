import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Router } from 'express';
import { notFound, sendError } from '../http/errors.ts';
import { identifyRequest } from '../http/identify-request.ts';
import { requestTarget } from '../http/request-target.ts';
import type { RespondWrongBase } from './mount-check.ts';
import type { PouchgateListener } from './mounted-pouchgate.ts';

/** The paths below `base` that the router serves. */
const SERVED_PATHS = ['/sync', '/api/users'] as const;

/**
 * Creates a request listener that passes the paths below `base` to the router. It compares the raw path, so `base` may contain
 * characters that are special in Express's paths. A framework that mounts the listener at another path than `base` gets an
 * error that names both.
 */
export function createListener(router: Router, base: string, respondWrongBase: RespondWrongBase): PouchgateListener {
  return (req, res, next) => {
    const url = requestTarget(req);
    const mountedAt = strippedPath(req, url);
    if (isServed(url, base)) {
      Object.assign(req, { originalUrl: url, baseUrl: base, url: url.slice(base.length) });
      handle(router, req, res);
    } else if (isOtherPath(mountedAt, base) && isServed(req.url ?? '/', '')) {
      identifyRequest(req, res);
      respondWrongBase(req, res, { base, mountedAt });
    } else if (next === undefined) {
      identifyRequest(req, res);
      sendError(res, notFound());
    } else {
      next();
    }
  };
}

/** Whether the router serves this target when it is mounted at `base`. */
function isServed(target: string, base: string): boolean {
  const path = target.split('?', 1)[0] ?? '';
  return SERVED_PATHS.some((served) => path === base + served || path.startsWith(`${base}${served}/`));
}

/**
 * Whether a framework has mounted the listener at another path than `base`. Express ignores case in that path, so a difference
 * in case is the client's, who must not be able to have a mistake reported.
 */
const isOtherPath = (mountedAt: string | undefined, base: string): mountedAt is string =>
  mountedAt !== undefined && mountedAt.toLowerCase() !== base.toLowerCase();

/** Returns the path that a framework has removed from `req.url`; undefined if it has not removed any. */
function strippedPath({ url = '/' }: IncomingMessage, originalUrl: string): string | undefined {
  return originalUrl.length > url.length && originalUrl.endsWith(url) ? originalUrl.slice(0, -url.length) : undefined;
}

/** Calls the router with Node's request and response, which suffice although its types require those of Express. */
function handle(router: Router, req: IncomingMessage, res: ServerResponse): void {
  const run = router as unknown as (req: IncomingMessage, res: ServerResponse, done: (error?: unknown) => void) => void;
  run(req, res, (error) => sendError(res, error ?? notFound()));
}
