/** What the routers of the API share. */
import type { Request, RequestHandler, Response } from 'express';
import type { Caller } from './caller.ts';
import { badRequest, HttpError, methodNotAllowed, tooLarge, unauthorized } from './errors.ts';
import { requestContext } from './request-context.ts';

/** Answers 405; `allowed` as CouchDB lists it, e.g. `GET,HEAD,POST`. */
export const methodNotAllowedHandler =
  (allowed: string): RequestHandler =>
  () => {
    throw methodNotAllowed(allowed);
  };

/** Who makes the requests of one router. */
export interface CallerContext {
  /** Finds out who asks by `who`, or rejects as it does, before anything else of the request is looked at. */
  readonly authenticateWith: (who: (req: Request, res: Response) => Promise<Caller>) => RequestHandler;
  /** Throws 401 for a request that nobody was identified for. */
  readonly requireCaller: (req: Request) => Caller;
  /** For limits by name. */
  readonly usernameOf: (req: Request) => string | undefined;
}

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
      if (caller === undefined) throw unauthorized('Nobody is signed in here.');
      return caller;
    },
    usernameOf: (req) => callers.get(req)?.username,
  };
}

/** Express and its body parser throw errors with a `status`; what they say of the client's bytes stays with us. */
export function fromExpressError(error: unknown): HttpError | undefined {
  if (error instanceof HttpError || !(error instanceof Error) || !('status' in error)) return undefined;
  switch (error.status) {
    case 400:
      return badRequest('The request is not well formed.');
    case 413:
      return tooLarge('The body is too large.');
    case 415:
      return new HttpError(415, 'bad_content_type', 'The body has to be plain, uncompressed JSON in UTF-8.');
    default:
      return undefined;
  }
}

export function sendNoContent(res: Response): void {
  res.status(204).set('Cache-Control', 'no-store').end();
}
