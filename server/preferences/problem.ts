import { STATUS_CODES, type ServerResponse } from 'node:http';
import type { z } from 'zod';
import type { Problem } from '../contract.ts';
import { HttpError, sendJson, toHttpError } from '../errors.ts';
import { notesOf } from '../request-notes.ts';

/** A body that is JSON and not what it has to be: 422. */
export class InvalidBody extends HttpError {
  readonly errors: NonNullable<Problem['errors']>;

  constructor(issues: readonly z.core.$ZodIssue[]) {
    const errors = issues.map(({ path, message }) => ({ pointer: pointerOf(path), detail: message }));
    const told = errors.slice(0, 3).map(({ pointer, detail }) => `${pointer.slice(1) || 'The body'}: ${detail}`);
    super(422, 'invalid_preferences', `${told.join('; ')}.`);
    this.errors = errors;
  }
}

/** RFC 6901. */
const pointerOf = (path: readonly PropertyKey[]): string =>
  path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

/** Sends an error as problem details (RFC 9457), or ends the connection when an answer has already begun. */
export function sendProblem(res: ServerResponse, error: unknown): void {
  const told = toHttpError(error);
  notesOf(res).refusal = { error: told.error, status: told.status };
  if (res.headersSent) {
    res.destroy();
    return;
  }
  for (const [name, value] of Object.entries(told.headers)) res.setHeader(name, value);
  const problem: Problem = {
    type: 'about:blank',
    title: STATUS_CODES[told.status] ?? 'Error',
    status: told.status,
    detail: told.message,
    error: told.error,
    ...(error instanceof InvalidBody ? { errors: error.errors } : {}),
  };
  sendJson(res, told.status, problem, 'application/problem+json');
}
