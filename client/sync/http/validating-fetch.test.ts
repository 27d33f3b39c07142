import { openRemoteDatabase } from '../../platform/database.ts';
import { createValidatingFetch, type ValidatingFetchOptions } from './validating-fetch.ts';

const DB = 'http://127.0.0.1:9/sync/user_registry';
const ID = 'user_a+b@example.org' as ValidatingFetchOptions['store']['id'];
const REV = `1-${'a'.repeat(32)}`;
const LONGPOLL = `${DB}/_changes?feed=longpoll&since=1-x`;
const FEED_HEAD = '{"results":[\n';

interface FakeResponse {
  readonly status?: number;
  readonly text: string;
  readonly headers?: Record<string, string>;
  /** What has come before the whole, and how long it is then until the end. */
  readonly firstChunk?: string;
  readonly delayMs?: number;
}

/** A fetch whose server says this to each request, and what it told. */
function createTestFetch(
  respond: (url: URL, init: RequestInit) => FakeResponse | Error,
  options: Partial<ValidatingFetchOptions> = {},
) {
  const requests: string[] = [];
  const events: unknown[] = [];
  const run = new AbortController();
  const serverFetch: typeof globalThis.fetch = (input, init = {}) => {
    const url = new URL(input instanceof Request ? input.url : input);
    requests.push(`${init.method ?? 'GET'} ${url.href}`);
    const fakeResponse = respond(url, init);
    if (fakeResponse instanceof Error) return Promise.reject(fakeResponse);
    const { status = 200, text, headers = {}, firstChunk = '', delayMs = 0 } = fakeResponse;
    const body = new ReadableStream<Uint8Array>({
      start: async (controller) => {
        const write = (part: string): void => controller.enqueue(new TextEncoder().encode(part));
        if (firstChunk !== '') write(firstChunk);
        if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
        write(text.slice(firstChunk.length));
        controller.close();
      },
    });
    return Promise.resolve(new Response(body, { status, headers }));
  };
  const fetch = createValidatingFetch(
    {
      url: DB,
      store: { id: ID },
      environment: { fetch: serverFetch, now: Date.now },
      getToken: () => Promise.resolve('good'),
      throttles: {},
      isRetry: false,
      ...options,
    },
    {
      signal: run.signal,
      end: (type, ms = 0) => {
        if (!run.signal.aborted) events.push([type, ms]);
        run.abort();
      },
      onActivity: () => undefined,
      onResponse: (revisions) => events.push(revisions),
      onLongpollOpen: () => events.push('listening'),
    },
  );
  return { fetch, asked: requests, told: events, run };
}

const waitBriefly = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));
/** Whether there is no end to it: PouchDB has nobody any more who could take one. */
async function neverSettles(request: Promise<unknown>): Promise<boolean> {
  const outcomes: string[] = [];
  request.then(
    () => outcomes.push('answered'),
    () => outcomes.push('failed'),
  );
  await waitBriefly();
  return outcomes.length === 0;
}
/** Lets that much time pass, and all be done that is ready then. */
async function advanceTimers(ms: number): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  await jest.advanceTimersByTimeAsync(ms);
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
const INTERRUPTED = ['interrupted', 0];

const emptyFeed = `${FEED_HEAD}],"last_seq":"1-x"}`;
const feedWithRow = `${FEED_HEAD}${JSON.stringify({ id: ID, seq: '2-x', changes: [{ rev: REV }] })}],"last_seq":"2-x"}`;

test('what PouchDB asks of the server and the database themselves is never sent', async () => {
  const { fetch, asked } = createTestFetch(() => ({ text: '{}' }));
  for (const url of [`${DB}/`, 'http://127.0.0.1:9/sync/']) expect(await (await fetch(url)).json()).toEqual({});
  expect(asked).toEqual([]);
});

test('an answer is told when it went well, and only then; all else ends the run', async () => {
  const good = createTestFetch(() => ({ text: '[]' }));
  await good.fetch(`${DB}/_bulk_docs?x=1`, { method: 'POST', body: '{"docs":[]}' });
  expect(good.told).toEqual([[]]);
  const bad = createTestFetch(() => ({ status: 500, text: '[]' }));
  expect(await neverSettles(bad.fetch(`${DB}/_bulk_docs`, { method: 'POST', body: '{"docs":[]}' }))).toBe(true);
  expect(bad.told).toEqual([INTERRUPTED]);
});

test('a failure is told once, and the request has no end that PouchDB could leave unhandled', async () => {
  const { fetch, told } = createTestFetch(() => new TypeError('Failed to fetch'));
  expect(await neverSettles(Promise.all([fetch(`${DB}/_changes`), fetch(`${DB}/_revs_diff`)]))).toBe(true);
  expect(told).toEqual([INTERRUPTED]);
});

test('an answer that comes after the end is told to nobody', async () => {
  const { fetch, told, run } = createTestFetch(() => ({ text: '[]' }));
  const request = fetch(`${DB}/_bulk_docs`, { method: 'POST', body: '{"docs":[]}' });
  run.abort();
  expect(await neverSettles(request)).toBe(true);
  expect(told).toEqual([]);
});

test('where there is no token the person has to sign in', async () => {
  const { fetch, told, asked } = createTestFetch(() => ({ text: '[]' }), {
    getToken: () => Promise.resolve(undefined),
  });
  expect(await neverSettles(fetch(`${DB}/_changes`))).toBe(true);
  expect([told, asked]).toEqual([[['sign-in-needed', 0]], []]);
});

test('a refusal of the document itself is passed on: it is the repair that asks', async () => {
  const { fetch, told } = createTestFetch(() => ({ status: 403, text: '{"error":"forbidden","reason":"No."}' }));
  expect((await fetch(`${DB}/${encodeURIComponent(ID)}`, { method: 'PUT', body: '{}' })).status).toBe(403);
  expect(told).toEqual([[]]);
});

test.each(['_changes', encodeURIComponent(ID)])('a server that is too busy for %s says until when', async (path) => {
  for (const status of [429, 503]) {
    const { fetch, told } = createTestFetch(() => ({ status, text: '{"error":"x"}', headers: { 'Retry-After': '7' } }));
    expect(await neverSettles(fetch(`${DB}/${path}`))).toBe(true);
    expect(told).toEqual([['interrupted', 7_000]]);
  }
});

describe('a longpoll', () => {
  // Streams take turns by what is not a timer.
  beforeEach(() => jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] }));
  afterEach(() => jest.useRealTimers());

  test('that is begun and told nothing yet is listened to', async () => {
    const { fetch, told } = createTestFetch(() => ({ firstChunk: FEED_HEAD, delayMs: 60_000, text: feedWithRow }));
    const answer = fetch(LONGPOLL);
    await advanceTimers(1);
    expect(told).toEqual(['listening']);
    await advanceTimers(60_000);
    expect((await answer).status).toBe(200);
    expect(told.at(-1)).toEqual([REV]);
    expect(jest.getTimerCount()).toBe(0);
  });

  test('is believed in, after a failure, when it has been held for a while', async () => {
    const { fetch, told } = createTestFetch(() => ({ firstChunk: FEED_HEAD, delayMs: 60_000, text: feedWithRow }), {
      isRetry: true,
    });
    const answer = fetch(LONGPOLL);
    await advanceTimers(500);
    expect(told).toEqual([]);
    await advanceTimers(500);
    expect(told).toEqual(['listening']);
    await advanceTimers(60_000);
    await answer;
  });

  test('that is answered as a whole is not listened to; nor is the feed as it is', async () => {
    const { fetch, told } = createTestFetch(() => ({ text: feedWithRow }));
    await fetch(LONGPOLL);
    await fetch(`${DB}/_changes?since=0`);
    const begun = createTestFetch(() => ({ firstChunk: FEED_HEAD, text: feedWithRow }));
    await begun.fetch(`${DB}/_changes?since=0`);
    expect([told, begun.told]).toEqual([[[REV], [REV]], [[REV]]]);
  });

  test('that ends with nothing has failed, unless it was held', async () => {
    const hasty = createTestFetch(() => ({ firstChunk: FEED_HEAD, text: emptyFeed }));
    void hasty.fetch(LONGPOLL);
    await advanceTimers(1);
    expect(hasty.told.at(-1)).toEqual(INTERRUPTED);
    const held = createTestFetch(() => ({ firstChunk: FEED_HEAD, delayMs: 1_000, text: emptyFeed }));
    const answer = held.fetch(LONGPOLL);
    await advanceTimers(1_000);
    expect((await answer).status).toBe(200);
  });
});

test('whatever the address that PouchDB asks under, the server is asked at its own', async () => {
  for (const url of [DB, `${DB}/`]) {
    const { fetch, asked } = createTestFetch(() => ({ text: feedWithRow }), { url });
    await fetch('http://elsewhere/database/_changes?since=0');
    void fetch(`http://elsewhere/database/${encodeURIComponent(ID)}?open_revs=${encodeURIComponent('["x"]')}`);
    await waitBriefly();
    expect(asked).toEqual([
      `GET ${DB}/_changes?since=0`,
      `GET ${DB}/${encodeURIComponent(ID)}?open_revs=${encodeURIComponent('["x"]')}`,
    ]);
  }
});

test('a server without _bulk_get says so to PouchDB, which reads the document by itself then', async () => {
  const { fetch, told } = createTestFetch(({ pathname }) =>
    pathname.endsWith('_bulk_get')
      ? { status: 405, text: '<h1>No</h1>' }
      : { text: JSON.stringify([{ ok: { _id: ID, _rev: REV } }]) },
  );
  const remote = openRemoteDatabase('http://without-bulk-get/database', fetch);
  // Its types know of a callback only.
  const bulkGet = remote.bulkGet.bind(remote) as unknown as (options: object) => Promise<unknown>;
  const { results } = (await bulkGet({ docs: [{ id: ID, rev: REV }], revs: true, latest: true })) as Record<
    string,
    unknown
  >;
  expect(results).toEqual([{ id: ID, docs: [{ ok: { _id: ID, _rev: REV } }] }]);
  expect(told).toEqual([[], []]);
});

test('pushes and changes wait for their turn, and nothing else does', async () => {
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
