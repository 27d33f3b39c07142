import { badGateway, HttpError, serviceUnavailable } from '../http/errors.ts';
import { statusOf } from './client.ts';

/**
 * What a client is told when a request that was made by nano went wrong: 503 when there was no answer, which nano says
 * only by giving no status (couch.ts), or when the upstream is busy; 502 when it answered what it should not. Never a
 * 401 or 403: those would tell PouchDB to stop for good. For nano's rejections alone: a fault of ours has no status either.
 */
export function toUpstreamError(error: unknown): HttpError {
  if (error instanceof HttpError) return error;
  const status = statusOf(error);
  if (status === undefined) return serviceUnavailable('The database does not answer.');
  if (status === 429 || status === 503) return serviceUnavailable('The database is busy.');
  return badGateway(`The database failed (status ${status}).`);
}
