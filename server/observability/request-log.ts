import type { Logger } from 'pino';
import { formatSubject } from '../../couchdb-design/user-document/user-document.ts';
import { upstreamLogFields } from '../http/upstream-failure.ts';
import type { CompletedRequest } from './request-observer.ts';
import type { RouteLabel } from './route-label.ts';

type Level = 'debug' | 'info' | 'warn' | 'error';

/**
 * Returns the level at which a response is logged: `error` for our own failures, `warn` for the database's, `info` for
 * rejected requests. A 404 is only `debug`: PouchDB receives one whenever it has no checkpoint yet. So is a client that disconnected
 * before its response.
 */
export function logLevelFor(status: number | undefined): Level {
  if (status === undefined || status < 400 || status === 404) return 'debug';
  if (status < 500) return 'info';
  return status === 500 ? 'error' : 'warn';
}

const MESSAGES: Readonly<Record<Level, string>> = {
  debug: 'Answered.',
  info: 'Refused.',
  warn: 'The database or the identity provider failed a request, or the server is overloaded.',
  error: 'A request failed.',
};

/** A request whose response has ended, and its kind. */
export type LabelledRequest = CompletedRequest & { readonly route: RouteLabel };

/** The parts of pino's logger that are used. An application's own logger may lack the optional one. */
type RequestLogger = Pick<Logger, Level> & Partial<Pick<Logger, 'isLevelEnabled'>>;

/**
 * Returns a function that logs one line per completed request. Of what a client sent, its fields contain only the ids of the request
 * and of its trace, which are restricted to harmless characters.
 */
export function createRequestLog(log: RequestLogger): (request: LabelledRequest) => void {
  return ({ method, route, status, seconds, complete, context }) => {
    const level = logLevelFor(status);
    if (log.isLevelEnabled?.(level) === false) return;
    const { error, username, requestId, span } = context;
    const line = {
      ...(requestId === undefined ? {} : { requestId }),
      ...(span === undefined ? {} : { traceId: span.traceId }),
      method,
      route,
      ...(status === undefined ? {} : { status }),
      ms: Math.round(seconds * 1000),
      ...(username === undefined ? {} : { username: formatSubject(username) }),
      ...(error === undefined ? {} : { reason: error.error }),
      ...(error?.code === undefined ? {} : { code: error.code }),
      ...upstreamLogFields(error?.upstream),
      ...(complete ? {} : { gone: true }),
    };
    log[level](line, MESSAGES[level]);
  };
}
