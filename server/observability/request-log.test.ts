import pino from 'pino';
import type { Username } from '../../couchdb-design/user-document/user-document.ts';
import type { CompletedRequest } from './request-observer.ts';
import { createRequestLog, logLevelFor } from './request-log.ts';

test('what is as it should be is said quietly, what was refused is said, and faults are said loudly', () => {
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
  context: { username: 'alice' as Username, error: { error: 'not_found', status: 404 } },
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

test('a line says what, how, how long, who and why, and nothing of the URL', () => {
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

test('a request that failed after its answer had begun is told with the status of its failure', () => {
  const failed = {
    ...completedRequest,
    status: 200,
    complete: false,
    context: { error: { error: 'bad_gateway', status: 502 } },
  };
  expect(lines('info', failed)).toEqual([expect.objectContaining({ level: 40, status: 502, gone: true })]);
});
