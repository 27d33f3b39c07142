import { isAnswer, isCircle, revisionsIn, type Answer } from './answers.ts';

const GOOD_STATUS = new Response('{}');
const FAILURE = new Response('{}', { status: 500 });
const feed = (value: object): Answer => value as Answer;

const ID = 'user_alice';
const A = `1-${'a'.repeat(32)}`;
const B = `2-${'b'.repeat(32)}`;
const GOOD: Record<string, readonly unknown[]> = {
  _changes: [
    { results: [], last_seq: '0' },
    { results: [], last_seq: 0, pending: 0 },
    { results: [{ seq: '2-x', id: ID, changes: [{ rev: A }, { rev: B }] }], last_seq: '2-x' },
    { results: [{ seq: '2-x', id: ID, changes: [{ rev: A }], deleted: true }], last_seq: '2-x' },
  ],
  _revs_diff: [{}, { [ID]: { missing: [B], possible_ancestors: [A] } }],
  _bulk_docs: [[], [{ id: ID, rev: A, error: 'forbidden', reason: 'No.' }], [{ ok: true, id: ID, rev: A }]],
  _bulk_get: [
    { results: [{ id: ID, docs: [{ ok: { _id: ID, _rev: A } }] }] },
    { results: [{ id: ID, docs: [{ error: { id: ID, rev: A, error: 'not_found' } }] }] },
  ],
  [ID]: [[{ ok: { _id: ID, _rev: A } }, { missing: B }], { ok: true, id: ID, rev: A }],
};
const ENDPOINTS = Object.keys(GOOD);
/** What a captive portal, a proxy or a broken server may say: parsed from JSON, or undefined for what is none. */
const RUBBISH = [
  undefined,
  null,
  true,
  7,
  'ok',
  {},
  [],
  [null],
  [[]],
  [{}],
  { results: [] },
  { results: [null] },
] as const;

describe.each(ENDPOINTS)('%s', (endpoint) => {
  test('takes what CouchDB says', () => {
    for (const answer of GOOD[endpoint] ?? []) {
      expect(isAnswer(endpoint, GOOD_STATUS, answer, ID)).toBe(true);
    }
  });

  test('takes nothing that is no JSON, and no text or number', () => {
    for (const answer of [undefined, true, 7, 'ok']) {
      expect(isAnswer(endpoint, GOOD_STATUS, answer, ID)).toBe(false);
    }
  });
});

/** Of these PouchDB would conclude that there is nothing to do. */
describe.each(['_changes', '_bulk_get', ID])('%s', (endpoint) => {
  test('takes no rubbish', () => {
    for (const answer of RUBBISH) {
      expect([answer, isAnswer(endpoint, GOOD_STATUS, answer, ID)]).toEqual([answer, false]);
    }
  });

  test('takes nothing that speaks of another document', () => {
    for (const answer of GOOD[endpoint] ?? []) {
      const others: unknown = JSON.parse(JSON.stringify(answer).replaceAll(ID, 'user_bob'));
      // What names no document speaks of none.
      if (JSON.stringify(others) === JSON.stringify(answer)) continue;
      expect(isAnswer(endpoint, GOOD_STATUS, others, ID)).toBe(false);
    }
  });
});

test('a failure is an answer only where PouchDB is not the one that asks: of the document itself', () => {
  const failure = { error: 'not_found', reason: 'missing' };
  for (const endpoint of ENDPOINTS) {
    expect(isAnswer(endpoint, FAILURE, failure, ID)).toBe(endpoint === ID);
    expect(isAnswer(endpoint, FAILURE, undefined, ID)).toBe(false);
    for (const answer of GOOD[endpoint] ?? []) {
      expect(isAnswer(endpoint, FAILURE, answer, ID)).toBe(false);
    }
  }
});

test('that there is no _bulk_get is passed on, in whatever words: PouchDB knows another way', () => {
  for (const status of [404, 405, 501]) {
    const response = new Response('', { status });
    for (const answer of [undefined, { error: 'not_found' }]) {
      expect(ENDPOINTS.filter((endpoint) => isAnswer(endpoint, response, answer, ID))).toEqual(
        answer ? ['_bulk_get', ID] : ['_bulk_get'],
      );
    }
  }
});

test('rows that lead to where one asked from are a circle, and so is a longpoll that was not held', () => {
  const row = { id: ID, seq: '2-x', changes: [{ rev: A }] };
  const told = feed({ results: [row], last_seq: '2-x' });
  const empty = feed({ results: [], last_seq: '2-x' });
  expect(isCircle(told, '0', false)).toBe(false);
  expect(isCircle(told, '2-x', true)).toBe(true);
  expect(isCircle(feed({ results: [{ ...row, seq: 2 }], last_seq: 3 }), '2', true)).toBe(true);
  expect(isCircle(empty, '2-x', true)).toBe(false);
  expect(isCircle(empty, '2-x', false)).toBe(true);
});

test('the feed shows the leaves in its rows', () => {
  const answer = feed({ results: [{ id: ID, seq: '2-x', changes: [{ rev: A }, { rev: B }] }], last_seq: '2-x' });
  expect(revisionsIn(answer)).toEqual([A, B]);
  expect(revisionsIn(feed({ results: [], last_seq: '0' }))).toEqual([]);
});
