import { STATUS_CODES, type ServerResponse } from 'node:http';
import type { ErrorRequestHandler } from 'express';
import type { z } from 'zod';
import type { Problem } from '../contract.ts';
import { HttpError, sendErrorAs, toHttpError } from './errors.ts';
import { fromExpressError } from './routing.ts';

/** 422: a JSON body that does not match its schema. */
export class InvalidBodyError extends HttpError {
  readonly errors: NonNullable<Problem['errors']>;

  constructor(issues: readonly z.core.$ZodIssue[]) {
    const errors = issues.map(({ path, message }) => ({ pointer: toJsonPointer(path), detail: message }));
    const details = errors.slice(0, 3).map(({ pointer, detail }) => `${pointer.slice(1) || 'The body'}: ${detail}`);
    super(422, 'invalid_preferences', `${details.join('; ')}.`);
    this.errors = errors;
  }
}

/** RFC 6901. */
const toJsonPointer = (path: readonly PropertyKey[]): string =>
  path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

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
  ...(httpError instanceof InvalidBodyError ? { errors: httpError.errors } : {}),
});

/** The error handler of a router whose errors are problem details. Calls `onError` for each 500. */
export const problemErrorHandler =
  (onError: (error: unknown, res: ServerResponse) => void): ErrorRequestHandler =>
  (error: unknown, _req, res, _next) => {
    const httpError = fromExpressError(error) ?? toHttpError(error);
    if (httpError.status === 500) onError(error, res);
    sendProblem(res, httpError);
  };
