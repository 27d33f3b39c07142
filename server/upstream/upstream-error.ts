import { badGateway, HttpError, serviceUnavailable } from '../http/errors.ts';
import { statusOf } from './client.ts';

/**
 * Returns the error that a client gets when a nano request failed: 503 when there was no response (an error without a
 * status, see client.ts) or the upstream is busy; 502 for any other status. Never 401 or 403, which stop PouchDB permanently.
 * Only for nano's rejections: a programming error has no status either and would become a 503.
 */
export function toUpstreamError(error: unknown): HttpError {
  if (error instanceof HttpError) return error;
  const status = statusOf(error);
  if (status === undefined) return serviceUnavailable('The database does not answer.');
  if (status === 429 || status === 503) return serviceUnavailable('The database is busy.');
  return badGateway(`The database failed (status ${status}).`);
}
