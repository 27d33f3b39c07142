import { statusClass, upstreamLabel } from './upstream-label.ts';

const NAMES = { registry: 'user_registry', sessions: 'pouchgate_sessions' };

test.each([
  ['POST', '/user_registry/_changes?filter=_doc_ids&style=all_docs&since=0', 'leaves'],
  ['POST', '/pouchgate_sessions/_all_docs?include_docs=true', 'facts'],
  ['GET', '/user_registry', 'info'],
  ['POST', '/_users/_bulk_get', 'sign-in'],
  ['POST', '/_session', 'other'],
  ['POST', '/_users/_all_docs?include_docs=true', 'other'],
  ['PUT', '/user_registry', 'other'],
  ['GET', '/user_registry/user_alice', 'other'],
  ['GET', '/', 'other'],
])('the label of %s %s is %s', (method, path, kind) => {
  expect(upstreamLabel({ method, path }, NAMES)).toBe(kind);
});

test('recognises a registry with a slash in its name', () => {
  expect(upstreamLabel({ method: 'GET', path: '/a%2Fb' }, { ...NAMES, registry: 'a/b' })).toBe('info');
});

test('maps every status to one of five classes', () => {
  expect([undefined, 0, 199, 200, 302, 404, 500, 599].map(statusClass)).toEqual([
    ...Array<string>(3).fill('none'),
    '2xx',
    '3xx',
    '4xx',
    '5xx',
    '5xx',
  ]);
});
