import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Request, RequestHandler } from 'express';
import type { Cors } from '../http/cors.ts';
import { HttpError, sendError } from '../http/errors.ts';
import { mountPathOf } from '../http/mount-path.ts';
import type { WarnOnce } from './warn-once.ts';

/** The option `base`, and the path at which the router or the listener is mounted. */
interface MountPaths {
  readonly base: string;
  readonly mountedAt: string;
}

/** Responds that the gate is mounted at another path than the option `base`, and reports it. */
export type RespondWrongBase = (req: IncomingMessage, res: ServerResponse, paths: MountPaths) => void;

/**
 * Creates the response for a wrong mount path.
 *
 * @param allowOrigin - Lets pages of other origins read it.
 * @param warnOnce - Called with the sentences for the operator.
 */
export function createWrongBaseResponse(allowOrigin: Cors, warnOnce: WarnOnce): RespondWrongBase {
  return (req, res, { base, mountedAt }) => {
    const reason = `Pouchgate is mounted at ${quote(mountedAt)}, but its option base is ${quote(base)}. Remove the option base, or set it to ${quote(mountedAt)}.`;
    warnOnce('base', reason);
    allowOrigin(req, res, () => sendError(res, new HttpError(500, 'wrong_base', reason)));
  };
}

/**
 * Creates a handler for the router's path `path`. It rejects requests if the option `base` is set and the application mounted the
 * router at another path. Without the option, every path is correct.
 *
 * @param base - The option `base`.
 * @param path - The path within the router, such as `/sync`.
 * @param respond - Responds to the requests at another path.
 */
export function createMountCheck(base: string | undefined, path: string, respond: RespondWrongBase): RequestHandler {
  return (req, res, next) => {
    if (base === undefined || isMountedAt(req, base + path)) {
      next();
      return;
    }
    respond(req, res, { base, mountedAt: mountPathOf(req).slice(0, -path.length) });
  };
}

/** Express ignores case in the path of an application's `use`. The gate itself does not, and responds with 404. */
const isMountedAt = (req: Request, path: string): boolean => mountPathOf(req).toLowerCase() === path.toLowerCase();

const quote = (path: string): string => JSON.stringify(path === '' ? '/' : path.slice(0, 100));
