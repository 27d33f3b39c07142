import { statusOf } from './client.ts';

/** An error whose message is a sentence for the operator. */
export class SetUpError extends Error {
  override readonly name = 'SetUpError';
}

/** Resolves as `done` does; what it rejects with is told as what could not be done, and why. */
export async function inWords<T>(what: string, done: Promise<T>): Promise<T> {
  try {
    return await done;
  } catch (error) {
    if (error instanceof SetUpError) throw error;
    const status = statusOf(error);
    const told = status === undefined ? '' : ` (status ${status})`;
    throw new SetUpError(`Set-up could not ${what}: ${reasonOf(error)}${told}`, { cause: error });
  }
}

export const reasonOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error);
