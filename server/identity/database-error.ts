import { HttpError, unavailable } from '../errors.ts';
import { statusOf } from '../upstream/couch.ts';
import { toUpstreamError } from '../upstream/upstream-error.ts';

/**
 * What a rejection of nano's is told as: 503 when there was no answer, which nano says only by giving no status
 * (couch.ts), and 502 or 503 by the answer otherwise. For nano's rejections alone: a fault of ours has no status either.
 */
export const databaseError = (error: unknown): HttpError =>
  error instanceof HttpError || statusOf(error) !== undefined
    ? toUpstreamError(error)
    : unavailable('The database does not answer.');
