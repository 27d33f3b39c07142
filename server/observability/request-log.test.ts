import pino from 'pino';
import { usernameOf } from '../../couchdb-design/testing/arbitraries.ts';
import { createRequestLog, logLevelFor, type LabelledRequest } from './request-log.ts';

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

const completedRequest: LabelledRequest = {
  route: 'gate document',
  method: 'GET',
  rawUrl: '/sync/user_registry/user_bob?access_token=geheim',
  status: 404,
  seconds: 0.0123,
  complete: true,
  context: { username: usernameOf('alice'), error: { error: 'not_found', status: 404 } },
};

function lines(level: string, ...requests: LabelledRequest[]): unknown[] {
  const written: unknown[] = [];
  const log = pino(
    { level, base: null, timestamp: false },
    { write: (text: string) => written.push(JSON.parse(text)) },
  );
  const write = createRequestLog(log);
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

test('a user is logged by the name that the users command accepts, and a refused token with its code', () => {
  const error = { error: 'unauthorized', status: 401, code: 'account-suspended' } as const;
  const refused = { ...completedRequest, status: 401, context: { username: usernameOf('auth0|5f7c\u001b'), error } };
  expect(lines('info', refused)).toEqual([
    expect.objectContaining({ username: 'auth0|5f7c\\u{1b}', reason: 'unauthorized', code: 'account-suspended' }),
  ]);
});

test('a line names the request, its trace, and what CouchDB responded', () => {
  const span = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '53995c3f42cd8ad8', flags: 1 };
  const upstream = { status: 403, reason: 'forbidden: No.', requestId: '3d1c7f0a9b' };
  const context = { requestId: 'r1', span, error: { error: 'bad_gateway', status: 502, upstream } };
  expect(lines('warn', { ...completedRequest, status: 502, context })).toEqual([
    expect.objectContaining({
      level: 40,
      requestId: 'r1',
      traceId: span.traceId,
      upstreamStatus: 403,
      upstreamReason: 'forbidden: No.',
      upstreamRequestId: '3d1c7f0a9b',
    }),
  ]);
});

test('a client that disconnected before the response is not a failure', () => {
  const gone = { ...completedRequest, status: undefined, complete: false };
  expect(lines('info', gone)).toEqual([]);
  const [line] = lines('debug', gone);
  expect(line).toMatchObject({ level: 20, gone: true });
  expect(line).not.toHaveProperty('status');
});

test('a failure is logged with the level of its status', () => {
  const context = { error: { error: 'bad_gateway', status: 502 } };
  const failed = { ...completedRequest, status: 502, complete: false, context };
  expect(lines('info', failed)).toEqual([expect.objectContaining({ level: 40, status: 502, gone: true })]);
});
