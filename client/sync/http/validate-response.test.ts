import {
  isValidResponse,
  makesNoProgress,
  parseResponseBody,
  type ReplicationResponseBody,
} from './validate-response.ts';

const OK_RESPONSE = new Response('{}');
const feed = (value: object): ReplicationResponseBody => value as ReplicationResponseBody;
/** `text` is the body as received. */
const accepts = (endpoint: string, response: Response, text: string, method?: string): boolean =>
  isValidResponse(endpoint, response, parseResponseBody(text), ID, method);

const ID = 'user_alice';
const A = `1-${'a'.repeat(32)}`;
const B = `2-${'b'.repeat(32)}`;
const VALID_BODIES: Record<string, readonly unknown[]> = {
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
const ENDPOINTS = Object.keys(VALID_BODIES);
/** Bodies of captive portals, proxies and broken servers. */
const INVALID_JSON = ['', '<!doctype html>', '{"results":['];
const INVALID_BODIES = [
  'null',
  'true',
  '7',
  '"ok"',
  '{}',
  '[]',
  '[null]',
  '[[]]',
  '[{}]',
  '{"results":null,"last_seq":"0"}',
];

describe.each(ENDPOINTS)('%s', (endpoint) => {
  test('accepts the bodies of CouchDB', () => {
    for (const body of VALID_BODIES[endpoint] ?? []) {
      expect(accepts(endpoint, OK_RESPONSE, JSON.stringify(body))).toBe(true);
    }
  });

  test('rejects a body that is not JSON', () => {
    for (const text of INVALID_JSON) expect([text, accepts(endpoint, OK_RESPONSE, text)]).toEqual([text, false]);
  });
});

test('rejects an invalid _changes body, from which PouchDB would conclude that nothing is left to do', () => {
  for (const text of INVALID_BODIES) expect([text, accepts('_changes', OK_RESPONSE, text)]).toEqual([text, false]);
  const changes = [{ rev: A }];
  const rows = [
    ...[null, 7, {}, { id: ID }, { id: 'user_bob', changes }],
    ...[{}, [null], ['1-a'], [{}], [{ rev: 1 }], [...changes, null]].map((invalid) => ({ id: ID, changes: invalid })),
  ];
  for (const row of rows) {
    const text = JSON.stringify({ results: [row], last_seq: '1-x' });
    expect([text, accepts('_changes', OK_RESPONSE, text)]).toEqual([text, false]);
  }
});

test('accepts a failed request only for a write of the document itself, which PouchDB does not request', () => {
  const failure = JSON.stringify({ error: 'not_found', reason: 'missing' });
  for (const endpoint of ENDPOINTS.filter((one) => one !== '_bulk_get')) {
    for (const status of [400, 403, 404, 409, 413]) {
      const response = new Response('', { status });
      expect(accepts(endpoint, response, failure, 'PUT')).toBe(endpoint === ID && status !== 404);
      expect(accepts(endpoint, response, failure)).toBe(false);
      expect(accepts(endpoint, response, '<h1>No</h1>', 'PUT')).toBe(false);
      for (const body of VALID_BODIES[endpoint] ?? [])
        expect(accepts(endpoint, response, JSON.stringify(body), 'PUT')).toBe(false);
    }
    for (const status of [429, 500, 503])
      expect(accepts(endpoint, new Response('', { status }), failure, 'PUT')).toBe(false);
  }
});

test('accepts any failure of _bulk_get: PouchDB then reads the document itself', () => {
  for (const status of [404, 405, 500, 501]) {
    for (const text of ['<h1>No</h1>', '{"error":"not_found"}']) {
      expect(accepts('_bulk_get', new Response('', { status }), text)).toBe(true);
    }
  }
});

test('rows that end at since, and a longpoll that was not held, make no progress', () => {
  const row = { id: ID, seq: '2-x', changes: [{ rev: A }] };
  const withRow = feed({ results: [row], last_seq: '2-x' });
  const empty = feed({ results: [], last_seq: '2-x' });
  expect(makesNoProgress(withRow, '0', false)).toBe(false);
  expect(makesNoProgress(withRow, '2-x', true)).toBe(true);
  expect(makesNoProgress(feed({ results: [{ ...row, seq: 2 }], last_seq: 3 }), '2', true)).toBe(true);
  expect(makesNoProgress(empty, '2-x', true)).toBe(false);
  expect(makesNoProgress(empty, '2-x', false)).toBe(true);
});
