import { badGateway, HttpError, unavailable } from '../errors.ts';
import { statusOf } from './couch.ts';

/**
 * What a client is told when a request of the gate's own went wrong upstream: 503 when there was no answer or the
 * upstream is busy (wait and try again), 502 when it answered what it should not. Never a 401 or 403: those would tell
 * PouchDB to stop for good.
 */
export function toUpstreamError(error: unknown): HttpError {
  if (error instanceof HttpError) return error;
  const status = statusOf(error);
  if (status === undefined && isNoAnswer(error)) return unavailable('The database does not answer.');
  if (status === 429 || status === 503) return unavailable('The database is busy.');
  return badGateway(
    status === undefined ? "The database's answer was not one." : `The database failed (status ${status}).`,
  );
}

/** fetch says `TypeError: fetch failed` whatever broke the connection, and an AbortError or TimeoutError for a time-out. */
function isNoAnswer(error: unknown): boolean {
  return (
    error instanceof Error &&
    (error.name === 'TypeError' || error.name === 'AbortError' || 'code' in error || 'cause' in error)
  );
}
