import type { ServerResponse } from 'node:http';
import type { ErrorResponse } from '../contract.ts';
import { requestContext } from './request-context.ts';

/**
 * An error as CouchDB puts it on the wire: a status and `{error, reason}`. `error` is a stable code for programs,
 * `reason` a sentence for people. https://docs.couchdb.org/en/stable/json-structure.html#couchdb-error-status
 */
export class HttpError extends Error {
  readonly status: number;
  readonly error: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, error: string, reason: string, headers: Readonly<Record<string, string>> = {}) {
    super(reason);
    this.name = 'HttpError';
    this.status = status;
    this.error = error;
    this.headers = headers;
  }

  get body(): ErrorResponse {
    return { error: this.error, reason: this.message };
  }
}

/**
 * The caller's own token is missing, wrong or over. The only 401 there is: on `_changes` it tells PouchDB to stop and
 * its owner to sign in again, so an upstream's 401 must never become one.
 */
export const unauthorized = (reason: string): HttpError =>
  new HttpError(401, 'unauthorized', reason, { 'WWW-Authenticate': 'Bearer' });

export const forbidden = (reason: string): HttpError => new HttpError(403, 'forbidden', reason);

/** What does not exist, and what is not the caller's: both are told in these same bytes. */
export const notFound = (): HttpError => new HttpError(404, 'not_found', 'missing');

export const badRequest = (reason: string): HttpError => new HttpError(400, 'bad_request', reason);

export const conflict = (reason = 'Document update conflict.'): HttpError => new HttpError(409, 'conflict', reason);

export const tooLarge = (reason: string): HttpError => new HttpError(413, 'too_large', reason);

/** `allowed` in the order in which CouchDB lists it, e.g. `GET,HEAD,POST`. */
export const methodNotAllowed = (allowed: string): HttpError =>
  new HttpError(405, 'method_not_allowed', `Only ${allowed} allowed`, { Allow: allowed });

/** The upstream answered, but not as CouchDB answers this request (a 401, a redirect, HTML, a broken body …). */
export const badGateway = (reason: string): HttpError => new HttpError(502, 'bad_gateway', reason);

/** The upstream did not answer. `Retry-After` in seconds. */
export const serviceUnavailable = (reason: string): HttpError =>
  new HttpError(503, 'service_unavailable', reason, { 'Retry-After': '2' });

/** What an unexpected exception is told as: nothing of it reaches the client. */
export function toHttpError(error: unknown): HttpError {
  return error instanceof HttpError
    ? error
    : new HttpError(500, 'internal_server_error', 'The server met an error that it did not expect.');
}

/** Sends `body` as JSON that no cache keeps: every answer is one user's own. */
export function sendJson(res: ServerResponse, status: number, body: unknown, contentType = 'application/json'): void {
  // As text, which Node puts behind the head into one piece.
  const text = `${JSON.stringify(body)}\n`;
  res.statusCode = status;
  res.setHeader('Content-Type', contentType);
  res.setHeader('Cache-Control', 'no-store');
  res.setHeader('Content-Length', Buffer.byteLength(text));
  res.end(text);
}

/** Sends an error, or ends the connection when an answer has already begun and can no longer be taken back. */
export const sendError = (res: ServerResponse, error: unknown): void => sendErrorAs(res, error, ({ body }) => body);

/** As `sendError`, in another shape. */
export function sendErrorAs(
  res: ServerResponse,
  error: unknown,
  toBody: (httpError: HttpError) => object,
  contentType?: string,
): void {
  const told = toHttpError(error);
  requestContext(res).error = { error: told.error, status: told.status };
  if (res.headersSent) {
    res.destroy();
    return;
  }
  for (const [name, value] of Object.entries(told.headers)) res.setHeader(name, value);
  sendJson(res, told.status, toBody(told), contentType);
}
