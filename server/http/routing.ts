/** Helpers that the API's routers share. */
import type { ServerResponse } from 'node:http';
import type { Request, RequestHandler, Response } from 'express';
import type { Caller } from './caller.ts';
import { badRequest, HttpError, methodNotAllowed, tooLarge } from './errors.ts';
import { requestContext } from './request-context.ts';
import { tokenRefusal } from './token-refusal.ts';

/** Throws 405. `allowed` lists the methods in CouchDB's order, e.g. `GET,HEAD,POST`. */
export const methodNotAllowedHandler =
  (allowed: string): RequestHandler =>
  () => {
    throw methodNotAllowed(allowed);
  };

/** The callers of one router's requests. */
export interface CallerContext {
  /** Authenticates each request before anything else in it is read. Rejects as `authenticate` does. */
  readonly authenticateWith: (authenticate: (req: Request, res: Response) => Promise<Caller>) => RequestHandler;
  /** Throws 401 for a request that was not authenticated. */
  readonly requireCaller: (req: Request) => Caller;
  /** The key for rate limits by username; undefined for a request that was not authenticated. */
  readonly usernameOf: (req: Request) => string | undefined;
}

/** Creates the caller context of one router. */
export function createCallerContext(): CallerContext {
  const callers = new WeakMap<Request, Caller>();
  return {
    authenticateWith: (authenticate) => async (req, res, next) => {
      const caller = await authenticate(req, res);
      requestContext(res).username = caller.username;
      callers.set(req, caller);
      next();
    },
    requireCaller: (req) => {
      const caller = callers.get(req);
      if (caller === undefined) throw tokenRefusal('token-missing');
      return caller;
    },
    usernameOf: (req) => callers.get(req)?.username,
  };
}

/**
 * Converts an error with a `status` of Express, its body parser or its file server. Its message may quote the client's bytes,
 * so it is replaced. Returns undefined for any other error.
 */
export function fromExpressError(error: unknown): HttpError | undefined {
  if (error instanceof HttpError || !(error instanceof Error) || !('status' in error)) return undefined;
  switch (error.status) {
    case 400:
      return badRequest('The request is not well formed.');
    case 412:
      return new HttpError(412, 'precondition_failed', 'The file has changed.');
    case 413:
      return tooLarge('The body is too large.');
    case 415:
      return new HttpError(415, 'bad_content_type', 'The body must be uncompressed JSON in UTF-8.');
    case 416:
      return new HttpError(416, 'requested_range_not_satisfiable', 'The file has no such range.');
    default:
      return isClientError(error.status) ? new HttpError(error.status, 'bad_request', NOT_ACCEPTED) : undefined;
  }
}

const NOT_ACCEPTED = 'The request is not accepted.';
const isClientError = (status: unknown): status is number =>
  typeof status === 'number' && status >= 400 && status < 500;

/** Sends a response without a body. */
export function sendEmpty(res: ServerResponse, status: 204 | 304): void {
  res.statusCode = status;
  res.setHeader('Cache-Control', 'no-store');
  res.end();
}
