import fc from 'fast-check';
import { describeFailedResponse, describeMissingResponse, upstreamLogFields } from './upstream-failure.ts';

const reasonOf = (body: unknown): string | undefined => describeFailedResponse(500, body).reason;

test.each([
  ['forbidden', 'You are not allowed to access this db.', 'forbidden: You are not allowed to access this db.'],
  ['not_found', 'Database does not exist.', 'not_found: Database does not exist.'],
  ['timeout', 'The request could not be processed.', 'timeout: The request could not be processed.'],
  ['badmatch', '{badmatch,{doc,<<"user_alice">>,{1,[<<1,2>>]},{[{<<"theme">>,<<"purple">>}]}}}', 'badmatch'],
  [
    'unknown_error',
    "function_clause in couch_doc:from_json_obj(<<'purple'>>)",
    'unknown_error: function_clause in couch_doc',
  ],
  ['forbidden', 'A user document has no such field: purple.', 'forbidden: A user document has no such field'],
  ['a "code" that is none', 'later', 'later'],
  ['internal_server_error', 'two\r\nlines', 'internal_server_error: two'],
  [7, { theme: 'purple' }, undefined],
])('of %s, %j the log has only what cannot quote a document', (error, reason, expected) => {
  const text = reasonOf({ error, reason });
  expect(text).toBe(expected);
  expect(text ?? '').not.toContain('purple');
});

test('whatever CouchDB sends, a reason is short and has one line', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', maxLength: 500 }),
      fc.string({ unit: 'binary', maxLength: 500 }),
      (error, reason) => {
        const text = reasonOf({ error, reason }) ?? '';
        expect(text.length).toBeLessThanOrEqual(262);
        expect(text).toMatch(/^[\w .,;/:-]*$/);
      },
    ),
  );
});

test('a body that is not JSON, and an id that is not one, are not quoted', () => {
  expect(describeFailedResponse(502, undefined, 'a\r\nb')).toEqual({
    status: 502,
    reason: 'not JSON',
    requestId: undefined,
  });
  expect(describeFailedResponse(403, {}, '3d1c7f0a9b').requestId).toBe('3d1c7f0a9b');
});

test.each([
  [
    'a refused connection',
    Object.assign(new Error('connect ECONNREFUSED 10.0.0.7:5984'), { code: 'ECONNREFUSED' }),
    'ECONNREFUSED',
  ],
  [
    'its wrapping by nano',
    new Error('error happened in your connection. Reason: Error: connect ECONNREFUSED 10.0.0.7:5984'),
    'ECONNREFUSED',
  ],
  [
    'a cause',
    new TypeError('fetch failed', { cause: Object.assign(new Error('x'), { code: 'UND_ERR_SOCKET' }) }),
    'UND_ERR_SOCKET',
  ],
  ['a time limit', new DOMException('The operation was aborted due to timeout', 'TimeoutError'), 'TimeoutError'],
  [
    'a time limit, wrapped by nano',
    new Error('error happened in your connection. Reason: HeadersTimeoutError: Headers Timeout Error'),
    'HeadersTimeoutError',
  ],
  ['anything else', new Error('secret'), undefined],
  ['no error', 'secret', undefined],
])('%s is described without an address', (_name, error, reason) => {
  expect(describeMissingResponse(error)).toEqual({ status: undefined, reason });
});

test('the fields of a log line are those that are known', () => {
  expect(upstreamLogFields(undefined)).toEqual({});
  expect(upstreamLogFields({ status: undefined, reason: 'ECONNRESET' })).toEqual({ upstreamReason: 'ECONNRESET' });
  expect(upstreamLogFields({ status: 403, reason: 'forbidden', requestId: 'a1' })).toEqual({
    upstreamStatus: 403,
    upstreamReason: 'forbidden',
    upstreamRequestId: 'a1',
  });
});
