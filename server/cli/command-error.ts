import { HttpError } from '../http/errors.ts';
import { errorMessage, SetupError } from '../upstream/setup-error.ts';

/** An error whose message is for the operator. */
export class CommandError extends Error {
  override readonly name: string = 'CommandError';
}

/** An invalid command line. Its exit code is 2. */
export class UsageError extends CommandError {
  override readonly name = 'UsageError';
}

/** The message of any error, for the operator. */
export function describeError(error: unknown): string {
  if (error instanceof UsageError) return `${error.message} See --help.`;
  if (error instanceof CommandError || error instanceof SetupError) return error.message;
  if (error instanceof HttpError) {
    return error.status >= 500
      ? `${error.message} Run "doctor" to find the cause, then run this again.`
      : error.message;
  }
  return `This failed with an unexpected error: ${errorMessage(error)}`;
}
