import { observe } from './observe.ts';

const A = `1-${'a'.repeat(32)}`;
const B = `2-${'b'.repeat(32)}`;
const documentA = { _id: 'user_alice', _rev: A };
const documentB = { _id: 'user_alice', _rev: B };

test('a pulled document is held by the server', () => {
  const answer = { results: [{ id: 'user_alice', docs: [{ ok: documentA }, { error: { error: 'not_found' } }] }] };
  expect(observe({ path: '/sync/r/_bulk_get', request: {}, answer })).toEqual([
    { kind: 'holds', documents: [documentA] },
  ]);
});

test('a document pulled by open_revs is held by the server', () => {
  expect(observe({ path: '/sync/r/user_alice', request: undefined, answer: [{ ok: documentA }] })).toEqual([
    { kind: 'holds', documents: [documentA] },
  ]);
});

test('what _bulk_docs does not name as refused was accepted', () => {
  const request = { docs: [documentA, documentB], new_edits: false };
  const observed = (answer: unknown) => observe({ path: '/sync/r/_bulk_docs', request, answer });
  expect(observed([])).toEqual([{ kind: 'holds', documents: [documentA, documentB] }]);
  expect(observed([{ id: 'user_alice', rev: B, error: 'forbidden' }])).toEqual([
    { kind: 'holds', documents: [documentA] },
  ]);
  expect(observed([{ ok: true, id: 'user_alice', rev: B }])).toEqual([
    { kind: 'holds', documents: [documentA, documentB] },
  ]);
});

test('a refusal without a revision counts for every revision of the document', () => {
  const request = { docs: [documentA, documentB] };
  const answer = [{ id: 'user_alice', error: 'forbidden' }];
  expect(observe({ path: '/sync/r/_bulk_docs', request, answer })).toEqual([]);
});

test('_revs_diff tells what the server has and what it lacks', () => {
  const request = { user_alice: [A, B] };
  const observed = (answer: unknown) => observe({ path: '/sync/r/_revs_diff', request, answer });
  expect(observed({})).toEqual([{ kind: 'has', revisions: [A, B] }]);
  expect(observed({ user_alice: { missing: [B] } })).toEqual([
    { kind: 'lacks', revisions: [B] },
    { kind: 'has', revisions: [A] },
  ]);
});

test.each([undefined, null, 'text', 7, [], {}, [null], { results: [null] }, { results: 7 }])(
  'an answer of no known shape tells nothing: %j',
  (answer) => {
    for (const path of ['/r/_bulk_get', '/r/_bulk_docs', '/r/_revs_diff', '/r/_changes', '/r/', '/']) {
      expect(observe({ path, request: answer, answer })).toEqual([]);
    }
  },
);
