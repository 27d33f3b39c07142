import type { Logger } from 'pino';
import type { Mount } from '../gate/request/target.ts';
import type { CompletedRequest } from './request-observer.ts';
import { routeLabel } from './route-label.ts';

type Level = 'debug' | 'info' | 'warn' | 'error';

/**
 * What an operator wants to see unasked: faults of ours loudly, those of the database as a warning, refused requests. Not
 * 404, by which PouchDB finds out that it has no checkpoint yet.
 */
export function logLevelFor(status: number): Level {
  if (status < 400 || status === 404) return 'debug';
  if (status < 500) return 'info';
  return status === 500 ? 'error' : 'warn';
}

const MESSAGES: Readonly<Record<Level, string>> = {
  debug: 'Answered.',
  info: 'Refused.',
  warn: 'The database failed a request, or is asked too much.',
  error: 'A request failed.',
};

/** Writes one line for each request that is over. Fields are chosen one by one: nothing that a client sent is among them. */
export function createRequestLog(log: Logger, mount: Mount): (over: CompletedRequest) => void {
  return ({ method, rawUrl, status: sent, seconds, complete, context }) => {
    const { error, username } = context;
    const status = error?.status ?? sent;
    const level = logLevelFor(status);
    if (!log.isLevelEnabled(level)) return;
    const line = {
      method,
      route: routeLabel(rawUrl, mount),
      status,
      ms: Math.round(seconds * 1000),
      ...(username === undefined ? {} : { username }),
      ...(error === undefined ? {} : { reason: error.error }),
      ...(complete ? {} : { gone: true }),
    };
    log[level](line, MESSAGES[level]);
  };
}
