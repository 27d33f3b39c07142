import express, { type ErrorRequestHandler, type RequestHandler } from 'express';
import type { z } from 'zod';
import { badRequest, HttpError, sendError, toHttpError } from '../../http/errors.ts';
import { fromExpressError } from '../../http/routing.ts';

/** Reads a small JSON body. Nothing is inflated: nobody has to compress a name and a password. */
export const jsonBodyParser: RequestHandler = express.json({ limit: '16kb', inflate: false });

/**
 * Checks a body against its schema. Throws 415 when it did not come as JSON (a page of another site can make a browser
 * send any other type without asking), 400 when it is not what it has to be.
 */
export function parseBody<T>(schema: z.ZodType<T>, body: unknown): T {
  if (body === undefined) throw new HttpError(415, 'bad_content_type', 'Content-Type must be application/json');
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const isPasswordLength = issue?.path[0] === 'password' && (issue.code === 'too_small' || issue.code === 'too_big');
  throw badRequest(isPasswordLength ? issue.message : 'The body has to be a JSON object of a username and a password.');
}

/** Tells every error in CouchDB's shape. `onUnexpected` hears of those that are a fault of ours. */
export function couchErrorHandler(onError: (error: unknown) => void): ErrorRequestHandler {
  return (error: unknown, _req, res, next) => {
    if (res.headersSent) {
      next(error);
      return;
    }
    const httpError = fromExpressError(error) ?? toHttpError(error);
    if (httpError.status === 500) onError(error);
    sendError(res, httpError);
  };
}
