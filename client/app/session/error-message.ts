import { ApiError } from './api.ts';

/** Returns a sentence about an error, to show to the user. */
export const getErrorMessage = (error: unknown): string => {
  if (error instanceof ApiError) return error.message;
  // fetch rejects with a TypeError for every network failure. Its message differs between browsers.
  if (error instanceof TypeError) return 'The server cannot be reached. Check your connection and try again.';
  if (error instanceof DOMException && error.name === 'TimeoutError')
    return 'The server took too long to respond. Try again.';
  return error instanceof Error ? error.message : 'Something went wrong. Try again.';
};
