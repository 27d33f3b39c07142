import type { Request, RequestHandler } from 'express';
import { badRequest, bodyWasRead, HttpError, notFound } from '../../http/errors.ts';

export const JSON_TYPES = ['application/json', 'application/merge-patch+json'];

/** Throws 500 when a body parser has consumed the body without leaving the parsed value in `req.body`. */
export const assertBodyAvailable: RequestHandler = (req, _res, next) => {
  if (req.readableDidRead && req.body === undefined) throw bodyWasRead();
  next();
};

/** Returns the parsed body. Throws 415 when it is not JSON, 400 when there is none. */
export function requireBody(req: Request): unknown {
  const body: unknown = req.body;
  if (req.is(JSON_TYPES) === false) {
    throw new HttpError(415, 'bad_content_type', `Content-Type must be ${JSON_TYPES.join(' or ')}.`);
  }
  // The parser makes an empty object of an empty body.
  if (body === undefined || req.headers['content-length'] === '0') throw badRequest('The request has no body.');
  return body;
}

/** Returns the preference that the path names. Throws 404 when there is none of that name. */
export function requirePreferenceName(req: Request, names: readonly string[]): string {
  const name = String(req.params['name']);
  if (!names.includes(name)) throw notFound();
  return name;
}
