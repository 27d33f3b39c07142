import type { RequestHandler } from 'express';
import type { Logger } from 'pino';
import { identifyRequest } from '../http/identify-request.ts';
import { mountPathOf } from '../http/mount-path.ts';
import { createRequestLog } from '../observability/request-log.ts';
import { createRequestObserver } from '../observability/request-observer.ts';
import { routeLabel } from '../observability/route-label.ts';

/**
 * Creates the first handlers of a mounted gate. They give each request its ids, and keep those that the application has set. They
 * log only failures (status 500 and above), because the application's own log has the other requests.
 *
 * @param log - The application's log, if there is one.
 * @param database - The name of the registry.
 * @returns A function that creates the handler for a path within the router, such as `/sync`.
 */
export function createRequestTracker(log: Logger | undefined, database: string): (path: string) => RequestHandler {
  const logRequest = log === undefined ? undefined : createRequestLog(log);
  const observe = createRequestObserver((request) => {
    const { status, rawUrl, context } = request;
    if (status === undefined || status < 500) return;
    logRequest?.({ ...request, route: routeLabel(rawUrl, { base: '/sync', database }, context.isLive) });
  });
  return (path) => (req, res, next) => {
    identifyRequest(req, res);
    if (logRequest !== undefined) observe(res, mountPathOf(req).slice(0, -path.length));
    next();
  };
}
