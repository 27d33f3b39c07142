import PouchDB from 'pouchdb-browser';
import { openRemoteDatabase, type StoredBody } from '../../platform/database.ts';
import { DB, ID, REV, LONGPOLL, FEED_HEAD, createTestFetch } from './testing/test-fetch.ts';

const waitBriefly = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));
/** Whether the request is still pending: after the end of a run PouchDB handles no result. */
async function neverSettles(request: Promise<unknown>): Promise<boolean> {
  const outcomes: string[] = [];
  request.then(
    () => outcomes.push('resolved'),
    () => outcomes.push('rejected'),
  );
  await waitBriefly();
  return outcomes.length === 0;
}
/** Advances the fake timers, and lets pending callbacks run before and after. */
async function advanceTimers(ms: number): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  await jest.advanceTimersByTimeAsync(ms);
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
const INVALID = ['interrupted', 'invalid-response', 0];

const emptyFeed = `${FEED_HEAD}],"last_seq":"1-x"}`;
const feedWithRow = `${FEED_HEAD}${JSON.stringify({ id: ID, seq: '2-x', changes: [{ rev: REV }] })}],"last_seq":"2-x"}`;

test('never sends requests for the server or the database itself', async () => {
  const { fetch, requests } = createTestFetch(() => ({ text: '{}' }));
  for (const url of [`${DB}/`, 'http://127.0.0.1:9/sync/']) expect(await (await fetch(url)).json()).toEqual({});
  expect(requests).toEqual([]);
});

test('reports a valid response, and ends the run at any other', async () => {
  const good = createTestFetch(() => ({ text: '[]' }));
  await good.fetch(`${DB}/_bulk_docs?x=1`, { method: 'POST', body: '{"docs":[]}' });
  expect(good.events).toEqual([[]]);
  const bad = createTestFetch(() => ({ status: 500, text: '[]' }));
  expect(await neverSettles(bad.fetch(`${DB}/_bulk_docs`, { method: 'POST', body: '{"docs":[]}' }))).toBe(true);
  expect(bad.events).toEqual([['interrupted', 'server-error', 0]]);
});

test('ends the run once at failures, and leaves the requests pending', async () => {
  const { fetch, events } = createTestFetch(() => new TypeError('Failed to fetch'));
  expect(await neverSettles(Promise.all([fetch(`${DB}/_changes`), fetch(`${DB}/_revs_diff`)]))).toBe(true);
  expect(events).toEqual([['interrupted', 'network-unreachable', 0]]);
});

test('does not report a response after the end of the run', async () => {
  const { fetch, events, controller } = createTestFetch(() => ({ text: '[]' }));
  const request = fetch(`${DB}/_bulk_docs`, { method: 'POST', body: '{"docs":[]}' });
  controller.abort();
  expect(await neverSettles(request)).toBe(true);
  expect(events).toEqual([]);
});

test('ends the run with sign-in-needed when there is no token', async () => {
  const { fetch, events, requests } = createTestFetch(() => ({ text: '[]' }), {
    getToken: () => Promise.resolve(undefined),
  });
  expect(await neverSettles(fetch(`${DB}/_changes`))).toBe(true);
  expect([events, requests]).toEqual([[['sign-in-needed', 'not-signed-in', 0]], []]);
});

test('passes on the rejection of a document write, which the repair handles', async () => {
  const { fetch, events } = createTestFetch(() => ({ status: 403, text: '{"error":"forbidden","reason":"No."}' }));
  expect((await fetch(`${DB}/${encodeURIComponent(ID)}`, { method: 'PUT', body: '{}' })).status).toBe(403);
  expect(events).toEqual([[]]);
});

test.each(['_changes', encodeURIComponent(ID)])(
  'ends the run with the Retry-After of a busy server for %s',
  async (path) => {
    for (const status of [429, 503]) {
      const { fetch, events } = createTestFetch(() => ({
        status,
        text: '{"error":"x"}',
        headers: { 'Retry-After': '7' },
      }));
      expect(await neverSettles(fetch(`${DB}/${path}`))).toBe(true);
      expect(events).toEqual([['interrupted', 'server-busy', 7_000]]);
    }
  },
);

describe('a longpoll', () => {
  // Streams use these functions and must not depend on fake timers.
  beforeEach(() => jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] }));
  afterEach(() => jest.useRealTimers());

  test('is open when its body has started without a row', async () => {
    const { fetch, events } = createTestFetch(() => ({ firstChunk: FEED_HEAD, delayMs: 60_000, text: feedWithRow }));
    const response = fetch(LONGPOLL);
    await advanceTimers(1);
    expect(events).toEqual(['longpoll open']);
    await advanceTimers(60_000);
    expect((await response).status).toBe(200);
    expect(events.at(-1)).toEqual([REV]);
    expect(jest.getTimerCount()).toBe(0);
  });

  test('is open after a failed run only once the server has held it for a while', async () => {
    const { fetch, events } = createTestFetch(() => ({ firstChunk: FEED_HEAD, delayMs: 60_000, text: feedWithRow }), {
      longpollMode: 'held',
    });
    const response = fetch(LONGPOLL);
    await advanceTimers(500);
    expect(events).toEqual([]);
    await advanceTimers(500);
    expect(events).toEqual(['longpoll open']);
    await advanceTimers(60_000);
    await response;
  });

  test('that is bounded also requests a timeout, and is open once it has been held for a while', async () => {
    const { fetch, events, requests, progress } = createTestFetch(() => ({ delayMs: 20_000, text: feedWithRow }), {
      longpollMode: 'bounded',
    });
    const response = fetch(`${LONGPOLL}&heartbeat=5000`);
    await advanceTimers(800);
    expect(events).toEqual([]);
    await advanceTimers(200);
    expect(events).toEqual(['longpoll open']);
    await advanceTimers(19_000);
    expect((await response).status).toBe(200);
    expect(requests).toEqual([`GET ${LONGPOLL}&heartbeat=5000&timeout=20000`]);
    expect(progress).toEqual(['sent', 'none']);
  });

  test('reports what has arrived of it', async () => {
    const { fetch, progress } = createTestFetch(() => ({ firstChunk: FEED_HEAD, delayMs: 5_000, text: feedWithRow }));
    const response = fetch(LONGPOLL);
    await advanceTimers(1);
    expect(progress).toEqual(['sent', 'head']);
    await advanceTimers(5_000);
    await response;
    // The rest of a complete response is no heartbeat.
    expect(progress).toEqual(['sent', 'head', 'none']);
  });

  test('is not open when the response is immediate, and a normal feed never is', async () => {
    const { fetch, events } = createTestFetch(() => ({ text: feedWithRow }));
    await fetch(LONGPOLL);
    await fetch(`${DB}/_changes?since=0`);
    const chunked = createTestFetch(() => ({ firstChunk: FEED_HEAD, text: feedWithRow }));
    await chunked.fetch(`${DB}/_changes?since=0`);
    expect([events, chunked.events]).toEqual([[[REV], [REV]], [[REV]]]);
  });

  test('without rows ends the run, unless the server held it open', async () => {
    const early = createTestFetch(() => ({ firstChunk: FEED_HEAD, text: emptyFeed }));
    void early.fetch(LONGPOLL);
    await advanceTimers(1);
    expect(early.events.at(-1)).toEqual(INVALID);
    const held = createTestFetch(() => ({ firstChunk: FEED_HEAD, delayMs: 1_000, text: emptyFeed }));
    const response = held.fetch(LONGPOLL);
    await advanceTimers(1_000);
    expect((await response).status).toBe(200);
  });
});

test('ends the run when a request other than a longpoll receives no response in time', async () => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
  try {
    const slow = { firstChunk: '{', delayMs: 60_000, text: '{}' };
    const { fetch, events } = createTestFetch(() => slow);
    void fetch(`${DB}/_revs_diff`, { method: 'POST', body: '{}' });
    void createTestFetch(() => slow).fetch(LONGPOLL);
    await advanceTimers(9_900);
    expect(events).toEqual([]);
    await advanceTimers(200);
    expect(events).toEqual([['timed-out', undefined, 0]]);
  } finally {
    jest.useRealTimers();
  }
});

test('sends requests for any address to the URL of the server', async () => {
  for (const url of [DB, `${DB}/`]) {
    const { fetch, requests } = createTestFetch(() => ({ text: feedWithRow }), { url });
    await fetch('http://elsewhere/database/_changes?since=0');
    void fetch(`http://elsewhere/database/${encodeURIComponent(ID)}?open_revs=${encodeURIComponent('["x"]')}`);
    await waitBriefly();
    expect(requests).toEqual([
      `GET ${DB}/_changes?since=0`,
      `GET ${DB}/${encodeURIComponent(ID)}?open_revs=${encodeURIComponent('["x"]')}`,
    ]);
  }
});

test('requests the changes without a body, so that no proxy can end a live response while it reads one', async () => {
  const bodies: unknown[] = [];
  const { fetch, requests } = createTestFetch((_url, { body }) => {
    bodies.push(body);
    return { text: feedWithRow };
  });
  const body = JSON.stringify({ doc_ids: [ID] });
  await fetch(`${DB}/_changes?filter=_doc_ids&since=0`, { method: 'POST', body });
  await fetch(`${LONGPOLL}&filter=_doc_ids`, { method: 'POST', body });
  expect(requests).toEqual([`GET ${DB}/_changes?filter=_doc_ids&since=0`, `GET ${LONGPOLL}&filter=_doc_ids`]);
  expect(bodies).toEqual([null, null]);
});

test('passes on a failed _bulk_get, so that PouchDB reads the document itself', async () => {
  const { fetch, events } = createTestFetch(({ pathname }) =>
    pathname.endsWith('_bulk_get')
      ? { status: 405, text: '<h1>No</h1>' }
      : { text: JSON.stringify([{ ok: { _id: ID, _rev: REV } }]) },
  );
  const local = new PouchDB<StoredBody>('http://local/database', { skip_setup: true });
  const remote = openRemoteDatabase(local, 'http://without-bulk-get/database', fetch);
  // PouchDB's types declare only the callback form.
  const bulkGet = remote.bulkGet.bind(remote) as unknown as (options: object) => Promise<unknown>;
  const { results } = (await bulkGet({ docs: [{ id: ID, rev: REV }], revs: true, latest: true })) as Record<
    string,
    unknown
  >;
  expect(results).toEqual([{ id: ID, docs: [{ ok: { _id: ID, _rev: REV } }] }]);
  expect(events).toEqual([[], []]);
});

test('a missing document is another user’s, and ends the run: the repair would take it for an empty one', async () => {
  const { fetch, events } = createTestFetch(() => ({ status: 404, text: '{"error":"not_found","reason":"missing"}' }));
  expect(await neverSettles(fetch(`${DB}/${encodeURIComponent(ID)}?open_revs=all`))).toBe(true);
  expect(events).toEqual([['interrupted', 'wrong-user', 0]]);
});

test('after another user’s document, sends no edit before the feed has shown the user’s own', async () => {
  const { fetch, requests } = createTestFetch(
    ({ pathname }) => ({ text: pathname.endsWith('_changes') ? feedWithRow : '{}' }),
    { mustConfirmUser: true },
  );
  const push = fetch(`${DB}/_revs_diff`, { method: 'POST', body: '{}' });
  await waitBriefly();
  expect(requests).toEqual([]);
  await fetch(`${DB}/_changes?since=0`);
  expect((await push).status).toBe(200);
  expect(requests).toEqual([`GET ${DB}/_changes?since=0`, `POST ${DB}/_revs_diff`]);
});

test('throttles _revs_diff and _changes, and no other requests', async () => {
  const turns: string[] = [];
  const turn = (name: string) => (): Promise<void> => {
    turns.push(name);
    return Promise.resolve();
  };
  const { fetch } = createTestFetch(({ pathname }) => ({ text: pathname.endsWith('_changes') ? feedWithRow : '{}' }), {
    throttles: { _revs_diff: turn('push'), _changes: turn('changes') },
  });
  await fetch(`${DB}/_changes?since=0`);
  await fetch(`${DB}/_revs_diff`, { method: 'POST', body: '{}' });
  await fetch(`${DB}/_bulk_docs`, { method: 'POST', body: '{}' });
  expect(turns).toEqual(['changes', 'push']);
});
