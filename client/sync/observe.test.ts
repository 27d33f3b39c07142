import { observe } from './observe.ts';

const A = `1-${'a'.repeat(32)}`;
const B = `2-${'b'.repeat(32)}`;
const documentA = { _id: 'user_alice', _rev: A };

test('a pulled document is held by the server', () => {
  const answer = { results: [{ id: 'user_alice', docs: [{ ok: documentA }, { error: { error: 'not_found' } }] }] };
  expect(observe({ endpoint: '_bulk_get', request: {}, answer })).toEqual([{ kind: 'holds', documents: [documentA] }]);
});

test('a document read by open_revs is held by the server', () => {
  expect(observe({ endpoint: 'user_alice', request: undefined, answer: [{ ok: documentA }] })).toEqual([
    { kind: 'holds', documents: [documentA] },
  ]);
});

test('the feed shows what the server has', () => {
  const answer = { results: [{ id: 'user_alice', seq: '2-x', changes: [{ rev: A }, { rev: B }] }], last_seq: '2-x' };
  expect(observe({ endpoint: '_changes', request: {}, answer })).toEqual([{ kind: 'has', revisions: [A, B] }]);
});

test('_revs_diff tells what the server lacks; what it says to have, the feed has to show', () => {
  const observed = (answer: unknown) => observe({ endpoint: '_revs_diff', request: { user_alice: [A, B] }, answer });
  expect(observed({})).toEqual([]);
  expect(observed({ user_alice: { missing: [B] } })).toEqual([{ kind: 'lacks', revisions: [B] }]);
});

test('that _bulk_docs names nothing as refused is no proof that it is stored', () => {
  expect(observe({ endpoint: '_bulk_docs', request: { docs: [documentA] }, answer: [] })).toEqual([]);
});

test.each([undefined, null, 'text', 7, [], {}, [null], { results: [null] }, { results: 7 }])(
  'an answer of no known shape tells nothing: %j',
  (answer) => {
    for (const endpoint of ['_bulk_get', '_bulk_docs', '_revs_diff', '_changes', 'user_alice', '']) {
      expect(observe({ endpoint, request: answer, answer })).toEqual([]);
    }
  },
);
