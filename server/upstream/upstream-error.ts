import { badGateway, HttpError, serviceUnavailable } from '../http/errors.ts';
import { describeFailedResponse, describeMissingResponse, type UpstreamFailure } from '../http/upstream-failure.ts';
import { statusOf } from './client.ts';
import type { UpstreamResponse } from './forward.ts';

/**
 * Returns the error that a client gets when a nano request failed: 503 when there was no response (an error without a
 * status, see client.ts) or the upstream is busy; 502 for any other status. Never 401 or 403, which stop PouchDB permanently.
 * Only for nano's rejections: a programming error has no status either and would become a 503.
 */
export function toUpstreamError(error: unknown): HttpError {
  if (error instanceof HttpError) return error;
  const status = statusOf(error);
  if (status === undefined) return serviceUnavailable('The database does not answer.', describeNanoError(error));
  // nano copies the members of CouchDB's error to its own.
  const failure = describeFailedResponse(status, error);
  if (status === 429 || status === 503) return serviceUnavailable('The database is busy.', failure);
  return badGateway(`The database failed (status ${status}).`, failure);
}

/** The message of client.ts for a response without JSON, which nano reports as a failed connection. */
const STATUS_WITHOUT_JSON = /\bstatus (\d{3}) without JSON\b/;

function describeNanoError(error: unknown): UpstreamFailure {
  const [, status] = STATUS_WITHOUT_JSON.exec(error instanceof Error ? error.message : '') ?? [];
  return status === undefined ? describeMissingResponse(error) : { status: Number(status), reason: 'not JSON' };
}

/**
 * Returns the 502 for a response with a status that CouchDB does not send to this request.
 *
 * @param sentence - What the database did not do, without a full stop.
 */
export const unexpectedResponse = (sentence: string, { status, body, couchRequestId }: UpstreamResponse): HttpError =>
  badGateway(`${sentence} (status ${status}).`, describeFailedResponse(status, body, couchRequestId));
