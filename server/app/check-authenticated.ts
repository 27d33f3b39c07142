import { encodeSubject, type Username } from '../../couchdb-design/user-document/user-document.ts';
import { HttpError } from '../http/errors.ts';
import type { Authenticated } from './mounted-pouchgate.ts';

const EXPECTED = '{ username, expiresAt }, or undefined if no user is signed in';

/** The application's `authenticate` returned an invalid value. The response is a 500 that names the member. */
export class AuthenticateError extends HttpError {
  constructor(reason: string) {
    super(500, 'invalid_authentication', reason);
    this.name = 'AuthenticateError';
  }
}

/**
 * Checks what the application's `authenticate` returned.
 *
 * @param result - The return value.
 * @returns The user and the end of their session in ms since 1970; `undefined` if no user is signed in.
 * @throws An {@link AuthenticateError} that names the wrong member.
 */
export function checkAuthenticated(result: unknown): { username: Username; expiresAt: number } | undefined {
  // A look-up in a database often returns null for no row.
  if (result === undefined || result === null) return undefined;
  if (typeof result !== 'object') {
    throw new AuthenticateError(`authenticate must return ${EXPECTED}. It returned a ${typeof result}.`);
  }
  const { username: subject, expiresAt } = result as Partial<Record<keyof Authenticated, unknown>>;
  if (typeof subject !== 'string') {
    throw new AuthenticateError(`authenticate must return ${EXPECTED}. Its username is ${describe(subject)}.`);
  }
  const username = encodeSubject(subject);
  if (username === undefined) {
    throw new AuthenticateError(
      'The username that authenticate returned is not a well-formed text of 1 to 255 characters.',
    );
  }
  return { username, expiresAt: toMilliseconds(expiresAt) };
}

function toMilliseconds(expiresAt: unknown): number {
  const time = expiresAt instanceof Date ? expiresAt.getTime() : expiresAt;
  const advice = 'It must be a Date or milliseconds since 1970, such as Date.now() + 3_600_000.';
  if (typeof time !== 'number' || Number.isNaN(time)) {
    throw new AuthenticateError(
      `authenticate must return ${EXPECTED}. Its expiresAt is ${describe(expiresAt)}. ${advice}`,
    );
  }
  // Seconds since 1970, such as the `exp` of a JWT, and durations are in this range. The end of a session is not.
  if (typeof expiresAt === 'number' && time > 0 && new Date(time).getUTCFullYear() === 1970) {
    throw new AuthenticateError(
      `The expiresAt that authenticate returned, ${time}, is in the year 1970. ${advice} Multiply seconds, such as the exp of a JWT, by 1000.`,
    );
  }
  return time;
}

const describe = (value: unknown): string => {
  if (value === undefined) return 'missing';
  if (value instanceof Date) return 'an invalid Date';
  return value === null ? 'null' : `a ${typeof value}`;
};
