import { statusOf } from './client.ts';

/** An error whose message is a sentence for the operator. */
export class SetupError extends Error {
  override readonly name = 'SetupError';
}

/** Resolves as `promise` does. A rejection becomes a SetupError that names the action and the cause. */
export async function withOperatorMessage<T>(action: string, promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof SetupError) throw error;
    const status = statusOf(error);
    const statusText = status === undefined ? '' : ` (status ${status})`;
    throw new SetupError(`Set-up could not ${action}: ${errorMessage(error)}${statusText}`, { cause: error });
  }
}

/** Returns the message of anything thrown. */
export const errorMessage = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error);
