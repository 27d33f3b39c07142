import type { Logger } from 'pino';
import { formatSubject } from '../../couchdb-design/user-document/user-document.ts';
import type { Mount } from '../gate/request/target.ts';
import type { CompletedRequest } from './request-observer.ts';
import { routeLabel } from './route-label.ts';

type Level = 'debug' | 'info' | 'warn' | 'error';

/**
 * Returns the level at which a response is logged: `error` for our own failures, `warn` for the database's, `info` for
 * rejected requests. A 404 is only `debug`: PouchDB receives one whenever it has no checkpoint yet.
 */
export function logLevelFor(status: number): Level {
  if (status < 400 || status === 404) return 'debug';
  if (status < 500) return 'info';
  return status === 500 ? 'error' : 'warn';
}

const MESSAGES: Readonly<Record<Level, string>> = {
  debug: 'Answered.',
  info: 'Refused.',
  warn: 'The database failed a request, or is overloaded.',
  error: 'A request failed.',
};

/** Returns a function that logs one line per completed request. Its fields contain nothing that a client sent. */
export function createRequestLog(log: Logger, mount: Mount): (request: CompletedRequest) => void {
  return ({ method, rawUrl, status: sentStatus, seconds, complete, context }) => {
    const { error, username } = context;
    const status = error?.status ?? sentStatus;
    const level = logLevelFor(status);
    if (!log.isLevelEnabled(level)) return;
    const line = {
      method,
      route: routeLabel(rawUrl, mount),
      status,
      ms: Math.round(seconds * 1000),
      ...(username === undefined ? {} : { username: formatSubject(username) }),
      ...(error === undefined ? {} : { reason: error.error }),
      ...(error?.code === undefined ? {} : { code: error.code }),
      ...(complete ? {} : { gone: true }),
    };
    log[level](line, MESSAGES[level]);
  };
}
