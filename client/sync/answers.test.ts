import { isAnswer, isCircle, revisionsIn } from './answers.ts';

const ID = 'user_alice';
const A = `1-${'a'.repeat(32)}`;
const B = `2-${'b'.repeat(32)}`;
const GOOD: Record<string, readonly { readonly request?: unknown; readonly answer: unknown }[]> = {
  _changes: [
    { answer: { results: [], last_seq: '0' } },
    { answer: { results: [], last_seq: 0, pending: 0 } },
    { answer: { results: [{ seq: '2-x', id: ID, changes: [{ rev: A }, { rev: B }] }], last_seq: '2-x' } },
    { answer: { results: [{ seq: '2-x', id: ID, changes: [{ rev: A }], deleted: true }], last_seq: '2-x' } },
  ],
  _revs_diff: [
    { request: { [ID]: [A] }, answer: {} },
    { request: { [ID]: [A, B] }, answer: { [ID]: { missing: [B], possible_ancestors: [A] } } },
  ],
  _bulk_docs: [
    { answer: [] },
    { answer: [{ id: ID, rev: A, error: 'forbidden', reason: 'No.' }] },
    { answer: [{ ok: true, id: ID, rev: A }] },
  ],
  _bulk_get: [
    { answer: { results: [{ id: ID, docs: [{ ok: { _id: ID, _rev: A } }] }] } },
    { answer: { results: [{ id: ID, docs: [{ error: { id: ID, rev: A, error: 'not_found' } }] }] } },
  ],
  [ID]: [{ answer: [{ ok: { _id: ID, _rev: A } }, { missing: B }] }, { answer: { ok: true, id: ID, rev: A } }],
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
    for (const { request, answer } of GOOD[endpoint] ?? []) {
      expect(isAnswer({ endpoint, request, answer }, true, ID)).toBe(true);
    }
  });

  test('takes nothing that is no JSON, and no text or number', () => {
    for (const answer of [undefined, true, 7, 'ok']) {
      expect(isAnswer({ endpoint, request: {}, answer }, true, ID)).toBe(false);
    }
  });
});

/** Of these PouchDB would conclude that there is nothing to do. */
describe.each(['_changes', '_bulk_get', ID])('%s', (endpoint) => {
  test('takes no rubbish', () => {
    for (const answer of RUBBISH) {
      expect([answer, isAnswer({ endpoint, request: {}, answer }, true, ID)]).toEqual([answer, false]);
    }
  });

  test('takes nothing that speaks of another document', () => {
    for (const { request, answer } of GOOD[endpoint] ?? []) {
      const others: unknown = JSON.parse(JSON.stringify(answer).replaceAll(ID, 'user_bob'));
      // What names no document speaks of none.
      if (JSON.stringify(others) === JSON.stringify(answer)) continue;
      expect(isAnswer({ endpoint, request, answer: others }, true, ID)).toBe(false);
    }
  });
});

test('a failure is an answer only where PouchDB is not the one that asks: of the document itself', () => {
  const failure = { error: 'not_found', reason: 'missing' };
  for (const endpoint of ENDPOINTS) {
    expect(isAnswer({ endpoint, request: {}, answer: failure }, false, ID)).toBe(endpoint === ID);
    expect(isAnswer({ endpoint, request: {}, answer: undefined }, false, ID)).toBe(false);
    for (const { request, answer } of GOOD[endpoint] ?? []) {
      expect(isAnswer({ endpoint, request, answer }, false, ID)).toBe(false);
    }
  }
});

test('rows that lead to where one asked from are a circle, and so is a longpoll that was not held', () => {
  const row = { id: ID, seq: '2-x', changes: [{ rev: A }] };
  const told = { results: [row], last_seq: '2-x' };
  expect(isCircle(told, '0', false)).toBe(false);
  expect(isCircle(told, '2-x', true)).toBe(true);
  expect(isCircle({ results: [{ ...row, seq: 2 }], last_seq: 3 }, '2', true)).toBe(true);
  expect(isCircle({ results: [], last_seq: '2-x' }, '2-x', true)).toBe(false);
  expect(isCircle({ results: [], last_seq: '2-x' }, '2-x', false)).toBe(true);
});

test('the feed shows the leaves in its rows; an answer of no known shape shows none', () => {
  const answer = { results: [{ id: ID, seq: '2-x', changes: [{ rev: A }, { rev: B }] }], last_seq: '2-x' };
  expect(revisionsIn(answer)).toEqual([A, B]);
  for (const rubbish of RUBBISH) expect(revisionsIn(rubbish)).toEqual([]);
});
