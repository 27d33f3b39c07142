import { STATUS_CODES, type ServerResponse } from 'node:http';
import type { ErrorRequestHandler } from 'express';
import { formatViolation, type Violation } from '../../couchdb-design/user-document/json-rules.ts';
import type { Problem } from '../contract.ts';
import { HttpError, sendErrorAs, toHttpError } from './errors.ts';
import { fromExpressError } from './routing.ts';

/** A member name may have any length, and a schema's message may quote it. */
const MAX_NAME_LENGTH = 100;
const MAX_MESSAGE_LENGTH = 300;
const MAX_REPORTED_ERRORS = 20;

/** 422: an edit that must not be stored, with the path of each member and what is expected. */
export class InvalidPreferencesError extends HttpError {
  readonly errors: NonNullable<Problem['errors']>;

  constructor(violations: readonly Violation[]) {
    const reported = violations.slice(0, MAX_REPORTED_ERRORS).map(({ path, message }) => ({
      path: path.map((name) => name.slice(0, MAX_NAME_LENGTH)),
      message: message.slice(0, MAX_MESSAGE_LENGTH),
    }));
    super(422, 'invalid_preferences', `${reported.slice(0, 3).map(formatViolation).join('; ')}.`);
    this.errors = reported.map(({ path, message }) => ({ pointer: toJsonPointer(path), detail: message }));
  }
}

/** RFC 6901. */
const toJsonPointer = (path: readonly string[]): string =>
  path.map((part) => `/${part.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

/** Sends an error as problem details (RFC 9457), or closes the connection when the response has already started. */
export const sendProblem = (res: ServerResponse, error: unknown): void =>
  sendErrorAs(res, error, toProblem, 'application/problem+json');

const toProblem = (httpError: HttpError): Problem => ({
  type: 'about:blank',
  title: STATUS_CODES[httpError.status] ?? 'Error',
  status: httpError.status,
  detail: httpError.message,
  error: httpError.error,
  ...(httpError.code === undefined ? {} : { code: httpError.code }),
  ...(httpError instanceof InvalidPreferencesError ? { errors: httpError.errors } : {}),
});

/** The error handler of a router whose errors are problem details. Calls `onError` for each 500. */
export const problemErrorHandler =
  (onError: (error: unknown, res: ServerResponse) => void): ErrorRequestHandler =>
  (error: unknown, _req, res, _next) => {
    const httpError = fromExpressError(error) ?? toHttpError(error);
    if (httpError.status === 500) onError(error, res);
    sendProblem(res, httpError);
  };
