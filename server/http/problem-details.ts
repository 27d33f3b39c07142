import { STATUS_CODES, type ServerResponse } from 'node:http';
import type { ErrorRequestHandler } from 'express';
import type { z } from 'zod';
import type { Problem } from '../contract.ts';
import { HttpError, sendErrorAs, toHttpError } from './errors.ts';
import { fromExpressError } from './routing.ts';

/** A body that is JSON and not what it has to be: 422. */
export class InvalidBodyError extends HttpError {
  readonly errors: NonNullable<Problem['errors']>;

  constructor(issues: readonly z.core.$ZodIssue[]) {
    const errors = issues.map(({ path, message }) => ({ pointer: toJsonPointer(path), detail: message }));
    const told = errors.slice(0, 3).map(({ pointer, detail }) => `${pointer.slice(1) || 'The body'}: ${detail}`);
    super(422, 'invalid_preferences', `${told.join('; ')}.`);
    this.errors = errors;
  }
}

/** RFC 6901. */
const toJsonPointer = (path: readonly PropertyKey[]): string =>
  path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

/** Sends an error as problem details (RFC 9457), or ends the connection when an answer has already begun. */
export const sendProblem = (res: ServerResponse, error: unknown): void =>
  sendErrorAs(res, error, toProblem, 'application/problem+json');

const toProblem = (httpError: HttpError): Problem => ({
  type: 'about:blank',
  title: STATUS_CODES[httpError.status] ?? 'Error',
  status: httpError.status,
  detail: httpError.message,
  error: httpError.error,
  ...(httpError instanceof InvalidBodyError ? { errors: httpError.errors } : {}),
});

/** The last handler of a router whose errors are problem details. `onError` hears of those that are a fault of ours. */
export const problemErrorHandler =
  (onError: (error: unknown) => void): ErrorRequestHandler =>
  (error: unknown, _req, res, _next) => {
    const httpError = fromExpressError(error) ?? toHttpError(error);
    if (httpError.status === 500) onError(error);
    sendProblem(res, httpError);
  };
