import { OutgoingMessage, type ServerResponse } from 'node:http';
import type { ErrorResponse, TokenRefusalCode } from '../contract.ts';
import type { LimitName } from './limit-names.ts';
import { requestContext } from './request-context.ts';
import type { UpstreamFailure } from './upstream-failure.ts';

/**
 * An error as CouchDB sends it: a status and `{error, reason}`. `error` is a stable code for programs,
 * `reason` a sentence for people. https://docs.couchdb.org/en/stable/json-structure.html#couchdb-error-status
 */
export class HttpError extends Error {
  readonly status: number;
  readonly error: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Why credentials were refused. Only a 401 of token-refusal.ts has one. */
  readonly code: TokenRefusalCode | undefined;
  /** CouchDB's response, if the request failed because of it. It is logged and never sent. */
  upstream?: UpstreamFailure | undefined;
  /** The limit that the request exceeded. It is counted and never sent. */
  limit?: LimitName | undefined;

  constructor(
    status: number,
    error: string,
    reason: string,
    headers: Readonly<Record<string, string>> = {},
    code?: TokenRefusalCode,
  ) {
    super(reason);
    this.name = 'HttpError';
    this.status = status;
    this.error = error;
    this.headers = headers;
    this.code = code;
  }

  get body(): ErrorResponse {
    const { error, message: reason, code } = this;
    return code === undefined ? { error, reason } : { error, reason, code };
  }
}

/** A sign-in with a wrong name or password. The 401 of a request with other credentials is in token-refusal.ts. */
export const wrongPassword = (): HttpError =>
  new HttpError(401, 'unauthorized', 'Name or password is incorrect.', { 'WWW-Authenticate': 'Bearer' });

/** The caller is not allowed to do this. */
export const forbidden = (reason: string): HttpError => new HttpError(403, 'forbidden', reason);

/** A resource that does not exist, or belongs to another user: both get the same bytes. */
export const notFound = (): HttpError => new HttpError(404, 'not_found', 'missing');

/** The path names another database than the gate's. CouchDB's own response, by which clients recognise the mistake. */
export const databaseNotFound = (): HttpError => new HttpError(404, 'not_found', 'Database does not exist.');

export const badRequest = (reason: string): HttpError => new HttpError(400, 'bad_request', reason);

/** The resource changed, or exists already. */
export const conflict = (reason = 'Document update conflict.'): HttpError => new HttpError(409, 'conflict', reason);

export const tooLarge = (reason: string): HttpError => new HttpError(413, 'too_large', reason);

/** `allowed` lists the methods in CouchDB's order, e.g. `GET,HEAD,POST`. */
export const methodNotAllowed = (allowed: string): HttpError =>
  new HttpError(405, 'method_not_allowed', `Only ${allowed} allowed`, { Allow: allowed });

/** The upstream sent a response that CouchDB never sends to this request: a 401, a redirect, HTML, a malformed body. */
export const badGateway = (reason: string, upstream?: UpstreamFailure): HttpError =>
  withUpstream(new HttpError(502, 'bad_gateway', reason), upstream);

/** The upstream did not respond. Sends `Retry-After: 2` (seconds). */
export const serviceUnavailable = (reason: string, upstream?: UpstreamFailure): HttpError =>
  withUpstream(new HttpError(503, 'service_unavailable', reason, { 'Retry-After': '2' }), upstream);

function withUpstream(error: HttpError, upstream: UpstreamFailure | undefined): HttpError {
  error.upstream = upstream;
  return error;
}

/** Returns the error, marked as the effect of a limit. */
export function limitedBy(limit: LimitName, error: HttpError): HttpError {
  error.limit = limit;
  return error;
}

/**
 * The client disconnected before its response. It is neither sent nor counted as an error: 499 is nginx's status for the log, and no
 * status of HTTP.
 */
export const clientDisconnected = (): HttpError =>
  new HttpError(CLIENT_DISCONNECTED_STATUS, 'client_disconnected', 'The client disconnected.');

export const CLIENT_DISCONNECTED_STATUS = 499;

/** The application or its framework has consumed the request's body. */
export const bodyWasRead = (): HttpError =>
  new HttpError(
    500,
    'body_was_read',
    'The body was read before Pouchgate received the request. Mount Pouchgate before any body parser. In Fastify, call its listener in an onRequest hook.',
  );

/** Returns an `HttpError` unchanged. Any other exception becomes a 500 that reveals nothing of it. */
export function toHttpError(error: unknown): HttpError {
  return error instanceof HttpError
    ? error
    : new HttpError(500, 'internal_server_error', 'An unexpected error occurred.');
}

/**
 * Sends `body` as JSON with `Cache-Control: no-store`, because every response is specific to one user, and `nosniff`, because it may
 * contain text of a user that looks like HTML.
 */
export function sendJson(res: ServerResponse, status: number, body: unknown, contentType = 'application/json'): void {
  // Node sends a string in one chunk with the headers; a Buffer would be a second one.
  const text = `${JSON.stringify(body)}\n`;
  res.statusCode = status;
  res.setHeader('Content-Type', contentType);
  res.setHeader('Cache-Control', 'no-store');
  res.setHeader('X-Content-Type-Options', 'nosniff');
  res.setHeader('Content-Length', Buffer.byteLength(text));
  res.end(text);
}

/** Sends an error, or closes the connection when the response has already started. Never throws. */
export const sendError = (res: ServerResponse, error: unknown): void => sendErrorAs(res, error, ({ body }) => body);

/** Like `sendError`, with a body made by `toBody`. `contentType` defaults to `application/json`. */
export function sendErrorAs(
  res: ServerResponse,
  error: unknown,
  toBody: (error: HttpError) => object,
  contentType?: string,
): void {
  const httpError = toHttpError(error);
  const { error: name, status, code, upstream, limit } = httpError;
  const context = requestContext(res);
  context.error = { error: name, status, code, upstream };
  if (limit !== undefined) context.limit = limit;
  // Another handler of the application has ended the response.
  if (res.writableEnded) return;
  try {
    if (hasStarted(res)) {
      res.destroy();
      return;
    }
    for (const [name, value] of Object.entries(httpError.headers)) res.setHeader(name, value);
    sendJson(res, httpError.status, toBody(httpError), contentType);
  } catch {
    // A method of the response may have failed. An exception of an error handler is not caught: it would end the process.
    res.req.socket.destroy();
  }
}

/**
 * Whether the head was written. It reads Node's own property, because a framework may override `headersSent` on a response:
 * `@fastify/express` does, and reports false for a response that was not sent through Fastify.
 */
export const hasStarted = (res: ServerResponse): boolean => Reflect.get(OutgoingMessage.prototype, 'headersSent', res);
