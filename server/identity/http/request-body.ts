import type { ServerResponse } from 'node:http';
import express, { type ErrorRequestHandler, type RequestHandler } from 'express';
import type { z } from 'zod';
import { badRequest, HttpError, sendError, toHttpError } from '../../http/errors.ts';
import { verifyJson } from '../../http/json-body.ts';
import { fromExpressError } from '../../http/routing.ts';

/**
 * Parses a JSON body of up to 16 KiB, an object with a few texts. A compressed body is rejected, because credentials are too small to
 * compress.
 */
export const jsonBodyParser: RequestHandler = express.json({
  limit: '16kb',
  inflate: false,
  verify: verifyJson({ maxDepth: 8, maxValues: 100 }),
});

/**
 * Validates a body against its schema.
 *
 * @throws HttpError 415 when the body is not JSON, because a page of another site can make a browser send other types without a
 * preflight; 400 when the body does not match the schema.
 */
export function parseBody<T>(schema: z.ZodType<T>, body: unknown): T {
  if (body === undefined) throw new HttpError(415, 'bad_content_type', 'Content-Type must be application/json');
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const isPasswordLength = issue?.path[0] === 'password' && (issue.code === 'too_small' || issue.code === 'too_big');
  throw badRequest(isPasswordLength ? issue.message : 'The body must be a JSON object with a username and a password.');
}

/** Sends every error as CouchDB's `{error, reason}`. Calls `onError` for each 500. */
export function couchErrorHandler(onError: (error: unknown, res: ServerResponse) => void): ErrorRequestHandler {
  return (error: unknown, _req, res, next) => {
    if (res.headersSent) {
      next(error);
      return;
    }
    const httpError = fromExpressError(error) ?? toHttpError(error);
    if (httpError.status === 500) onError(error, res);
    sendError(res, httpError);
  };
}
