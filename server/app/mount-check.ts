import type { ServerResponse } from 'node:http';
import type { Request, RequestHandler } from 'express';
import { HttpError, sendError } from '../http/errors.ts';
import { mountPathOf } from '../http/mount-path.ts';
import type { WarnOnce } from './warn-once.ts';

/**
 * Creates a handler for the router's path `path`. It rejects requests if the option `base` is set and the application mounted the
 * router at another path. Without the option, every path is correct.
 *
 * @param base - The option `base`.
 * @param path - The path within the router, such as `/sync`.
 * @param warnOnce - Called with the sentences for the operator.
 */
export function createMountCheck(base: string | undefined, path: string, warnOnce: WarnOnce): RequestHandler {
  return (req, res, next) => {
    if (base === undefined || isMountedAt(req, base + path)) {
      next();
      return;
    }
    sendWrongBase(res, { base, mountedAt: mountPathOf(req).slice(0, -path.length) }, warnOnce);
  };
}

/** Responds that the gate is mounted at another path than the option `base`, and reports it. */
export function sendWrongBase(
  res: ServerResponse,
  { base, mountedAt }: { readonly base: string; readonly mountedAt: string },
  warnOnce: WarnOnce,
): void {
  const reason = `Pouchgate is mounted at ${quote(mountedAt)}, but its option base is ${quote(base)}. Remove the option base, or set it to ${quote(mountedAt)}.`;
  warnOnce('base', reason);
  sendError(res, new HttpError(500, 'wrong_base', reason));
}

/** Express ignores case in the path of an application's `use`. The gate itself does not, and responds with 404. */
const isMountedAt = (req: Request, path: string): boolean => mountPathOf(req).toLowerCase() === path.toLowerCase();

const quote = (path: string): string => JSON.stringify(path === '' ? '/' : path.slice(0, 100));
