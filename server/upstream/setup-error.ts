import { statusOf } from './client.ts';

/** An error whose message is a sentence for the operator. */
export class SetupError extends Error {
  override readonly name = 'SetUpError';
}

/** Resolves as `done` does; what it rejects with is told as what could not be done, and why. */
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

export const errorMessage = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error);
