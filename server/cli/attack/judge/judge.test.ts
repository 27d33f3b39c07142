import type { AttackNames } from '../generate/names.ts';
import type { ObservedResponse } from '../http/observed-response.ts';
import { findDifferences } from './differences.ts';
import { findLeaks } from './leaks.ts';

const names: AttackNames = {
  base: '/sync',
  database: 'user_registry',
  sessions: 'pouchgate_sessions',
  own: { id: 'user_alice', username: 'alice' },
  other: { id: 'user_bob', username: 'bob' },
};
const digest = 'd'.repeat(32);
const secrets = { names, texts: ['canary-1', digest] };
const response = (body: string, ...head: string[]): ObservedResponse => ({
  status: 200,
  head: ['HTTP/1.1 200 OK', ...head].join('\n'),
  body,
});
const leaks = (body: string, request: { target: string; body?: string }, ...head: string[]): readonly string[] =>
  findLeaks(response(body, ...head), request, secrets);

describe('a leak is', () => {
  test.each<[string, string, string]>([
    ['a text that the other user wrote', '{"preferences":{"tags":["canary-1"]}}', 'canary-1'],
    ['a digest of a revision', `{"missing":["2-${digest}"]}`, digest],
    ['an id that the request does not contain', '{"id":"user_bob"}', 'user_bob'],
    ['a third user’s id', '{"rows":[{"id": "user_carol"}]}', 'user_carol'],
    ['a count of the database', '{"total_rows":3}', '"total_rows"'],
    ['a sequence of CouchDB', '{"last_seq":"41-g1AAAACbeJzLY"}', '-g1AAAA'],
  ])('%s', (_, body, expected) => {
    expect(leaks(body, { target: '/sync/user_registry/_changes' })).toEqual([expected]);
  });

  test('also in a header', () => {
    expect(leaks('', { target: '/' }, 'ETag: "canary-1"')).toEqual(['canary-1']);
  });
});

describe('no leak is', () => {
  test('an id that the request contains, encoded or not', () => {
    for (const target of ['/sync/user_registry/user_bob', '/sync/user_registry/user%255Fbob'])
      expect(leaks('{"reason":"user_bob is missing"}', { target })).toEqual([]);
    expect(
      leaks('[{"id":"user_bob","error":"forbidden"}]', { target: '/x', body: '{"docs":[{"_id":"user_bob"}]}' }),
    ).toEqual([]);
  });

  test('a longer id of the attacker that begins with the other one', () => {
    const bobby: AttackNames = { ...names, own: { id: 'user_bobby', username: 'bobby' } };
    expect(findLeaks(response('{"_id":"user_bobby"}'), { target: '/' }, { ...secrets, names: bobby })).toEqual([]);
  });

  test('an id in an own checkpoint, in which a text of the other user is one', () => {
    const target = '/sync/user_registry/_local/a';
    expect(leaks('{"_id":"_local/a","last_seq":"user_bob"}', { target })).toEqual([]);
    expect(leaks('{"_id":"_local/a","last_seq":"canary-1"}', { target })).toEqual(['canary-1']);
  });

  test('the own document', () => {
    expect(leaks('{"_id":"user_alice","id":"user_alice"}', { target: '/' })).toEqual([]);
  });
});

describe('two responses', () => {
  const ids = ['user_bob', 'user_nobody'] as const;
  const missing = (id: string, ...head: string[]): ObservedResponse =>
    response(`{"id":"${id}","error":"not_found"}`, ...head);

  test('that differ in the id, the date and a request id are the same', () => {
    const first = missing('user_bob', 'Date: 1', 'X-Request-Id: 1', 'Content-Length: 5');
    const second = missing('user_nobody', 'Date: 2', 'X-Request-Id: 2', 'Content-Length: 8', 'Connection: close');
    expect(findDifferences([first, second], ids)).toEqual([]);
  });

  test.each<[string, ObservedResponse]>([
    ['the status', { ...missing('user_bob'), status: 403 }],
    ['etag', missing('user_bob', 'ETag: "1-x"')],
    ['the body', response('{"id":"user_bob","error":"deleted"}')],
  ])('that differ in %s are not', (difference, first) => {
    expect(findDifferences([first, missing('user_nobody')], ids).join()).toContain(difference);
  });

  test('that differ in the boundary of a multipart body only are the same', () => {
    const multipart = (boundary: string, id: string): ObservedResponse =>
      response(
        `--${boundary}\r\n{"id":"${id}"}\r\n--${boundary}--`,
        `Content-Type: multipart/mixed; boundary="${boundary}"`,
      );
    expect(findDifferences([multipart('a1', 'user_bob'), multipart('b2', 'user_nobody')], ids)).toEqual([]);
  });
});
