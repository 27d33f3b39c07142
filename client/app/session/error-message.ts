/** An error as a sentence for a person. */
import { ApiError } from './api.ts';

export const getErrorMessage = (error: unknown): string => {
  if (error instanceof ApiError) return error.message;
  // fetch says TypeError for every network failure, in words that differ from browser to browser.
  if (error instanceof TypeError) return 'The server cannot be reached. Check your connection and try again.';
  if (error instanceof DOMException && error.name === 'TimeoutError')
    return 'The server took too long to respond. Try again.';
  return error instanceof Error ? error.message : 'Something went wrong. Try again.';
};
