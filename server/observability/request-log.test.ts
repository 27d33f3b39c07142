import pino from 'pino';
import { usernameOf } from '../../couchdb-design/testing/arbitraries.ts';
import type { CompletedRequest } from './request-observer.ts';
import { createRequestLog, logLevelFor } from './request-log.ts';

test('logs successes at debug, rejections at info and failures at warn or error', () => {
  const levels = [200, 201, 204, 304, 404, 400, 401, 403, 409, 413, 429, 500, 502, 503].map(logLevelFor);
  expect(levels).toEqual([
    ...Array<string>(5).fill('debug'),
    ...Array<string>(6).fill('info'),
    'error',
    'warn',
    'warn',
  ]);
});

const completedRequest: CompletedRequest = {
  method: 'GET',
  rawUrl: '/sync/user_registry/user_bob?access_token=geheim',
  status: 404,
  seconds: 0.0123,
  complete: true,
  context: { username: usernameOf('alice'), error: { error: 'not_found', status: 404 } },
};

function lines(level: string, ...requests: CompletedRequest[]): unknown[] {
  const written: unknown[] = [];
  const log = pino(
    { level, base: null, timestamp: false },
    { write: (text: string) => written.push(JSON.parse(text)) },
  );
  const write = createRequestLog(log, { base: '/sync', database: 'user_registry' });
  requests.forEach(write);
  return written;
}

test('a line has method, route, status, duration, user and reason, and nothing of the URL', () => {
  expect(lines('debug', completedRequest)).toEqual([
    {
      level: 20,
      method: 'GET',
      route: 'gate document',
      status: 404,
      ms: 12,
      username: 'alice',
      reason: 'not_found',
      msg: 'Answered.',
    },
  ]);
  expect(lines('info', completedRequest)).toEqual([]);
});

test('the user is logged as the users command takes them, and a refused token with its code', () => {
  const error = { error: 'unauthorized', status: 401, code: 'account-suspended' } as const;
  const refused = { ...completedRequest, status: 401, context: { username: usernameOf('auth0|5f7c\u001b'), error } };
  expect(lines('info', refused)).toEqual([
    expect.objectContaining({ username: 'auth0|5f7c\\u{1b}', reason: 'unauthorized', code: 'account-suspended' }),
  ]);
});

test('a request that failed after its response had started is logged with the status of the failure', () => {
  const failed = {
    ...completedRequest,
    status: 200,
    complete: false,
    context: { error: { error: 'bad_gateway', status: 502 } },
  };
  expect(lines('info', failed)).toEqual([expect.objectContaining({ level: 40, status: 502, gone: true })]);
});
