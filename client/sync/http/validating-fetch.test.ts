import { openRemoteDatabase } from '../../platform/database.ts';
import { createTrustedFetch, type TrustedFetchOptions } from './validating-fetch.ts';

const DB = 'http://127.0.0.1:9/sync/user_registry';
const ID = 'user_a+b@example.org' as TrustedFetchOptions['store']['id'];
const REV = `1-${'a'.repeat(32)}`;
const LONGPOLL = `${DB}/_changes?feed=longpoll&since=1-x`;
const HEAD = '{"results":[\n';

interface Said {
  readonly status?: number;
  readonly text: string;
  readonly headers?: Record<string, string>;
  /** What has come before the whole, and how long it is then until the end. */
  readonly first?: string;
  readonly held?: number;
}

/** A fetch whose server says this to each request, and what it told. */
function trusting(say: (url: URL, init: RequestInit) => Said | Error, options: Partial<TrustedFetchOptions> = {}) {
  const asked: string[] = [];
  const told: unknown[] = [];
  const run = new AbortController();
  const send: typeof globalThis.fetch = (input, init = {}) => {
    const url = new URL(input instanceof Request ? input.url : input);
    asked.push(`${init.method ?? 'GET'} ${url.href}`);
    const said = say(url, init);
    if (said instanceof Error) return Promise.reject(said);
    const { status = 200, text, headers = {}, first = '', held = 0 } = said;
    const body = new ReadableStream<Uint8Array>({
      start: async (controller) => {
        const write = (part: string): void => controller.enqueue(new TextEncoder().encode(part));
        if (first !== '') write(first);
        if (held > 0) await new Promise((resolve) => setTimeout(resolve, held));
        write(text.slice(first.length));
        controller.close();
      },
    });
    return Promise.resolve(new Response(body, { status, headers }));
  };
  const fetch = createTrustedFetch(
    {
      url: DB,
      store: { id: ID },
      environment: { fetch: send, now: Date.now },
      getToken: () => Promise.resolve('good'),
      paces: {},
      isWary: false,
      ...options,
    },
    {
      signal: run.signal,
      end: (type, ms = 0) => {
        if (!run.signal.aborted) told.push([type, ms]);
        run.abort();
      },
      onHeard: () => undefined,
      onAnswer: (revisions) => told.push(revisions),
      onListening: () => told.push('listening'),
    },
  );
  return { fetch, asked, told, run };
}

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));
/** Whether there is no end to it: PouchDB has nobody any more who could take one. */
async function hasNoEnd(request: Promise<unknown>): Promise<boolean> {
  const ends: string[] = [];
  request.then(
    () => ends.push('answered'),
    () => ends.push('failed'),
  );
  await settled();
  return ends.length === 0;
}
/** Lets that much time pass, and all be done that is ready then. */
async function advance(ms: number): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  await jest.advanceTimersByTimeAsync(ms);
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
const INTERRUPTED = ['interrupted', 0];

const nothing = `${HEAD}],"last_seq":"1-x"}`;
const row = `${HEAD}${JSON.stringify({ id: ID, seq: '2-x', changes: [{ rev: REV }] })}],"last_seq":"2-x"}`;

test('what PouchDB asks of the server and the database themselves is never sent', async () => {
  const { fetch, asked } = trusting(() => ({ text: '{}' }));
  for (const url of [`${DB}/`, 'http://127.0.0.1:9/sync/']) expect(await (await fetch(url)).json()).toEqual({});
  expect(asked).toEqual([]);
});

test('an answer is told when it went well, and only then; all else ends the run', async () => {
  const good = trusting(() => ({ text: '[]' }));
  await good.fetch(`${DB}/_bulk_docs?x=1`, { method: 'POST', body: '{"docs":[]}' });
  expect(good.told).toEqual([[]]);
  const bad = trusting(() => ({ status: 500, text: '[]' }));
  expect(await hasNoEnd(bad.fetch(`${DB}/_bulk_docs`, { method: 'POST', body: '{"docs":[]}' }))).toBe(true);
  expect(bad.told).toEqual([INTERRUPTED]);
});

test('a failure is told once, and the request has no end that PouchDB could leave unhandled', async () => {
  const { fetch, told } = trusting(() => new TypeError('Failed to fetch'));
  expect(await hasNoEnd(Promise.all([fetch(`${DB}/_changes`), fetch(`${DB}/_revs_diff`)]))).toBe(true);
  expect(told).toEqual([INTERRUPTED]);
});

test('an answer that comes after the end is told to nobody', async () => {
  const { fetch, told, run } = trusting(() => ({ text: '[]' }));
  const request = fetch(`${DB}/_bulk_docs`, { method: 'POST', body: '{"docs":[]}' });
  run.abort();
  expect(await hasNoEnd(request)).toBe(true);
  expect(told).toEqual([]);
});

test('where there is no token the person has to sign in', async () => {
  const { fetch, told, asked } = trusting(() => ({ text: '[]' }), { getToken: () => Promise.resolve(undefined) });
  expect(await hasNoEnd(fetch(`${DB}/_changes`))).toBe(true);
  expect([told, asked]).toEqual([[['sign-in-needed', 0]], []]);
});

test('a refusal of the document itself is passed on: it is the repair that asks', async () => {
  const { fetch, told } = trusting(() => ({ status: 403, text: '{"error":"forbidden","reason":"No."}' }));
  expect((await fetch(`${DB}/${encodeURIComponent(ID)}`, { method: 'PUT', body: '{}' })).status).toBe(403);
  expect(told).toEqual([[]]);
});

test.each(['_changes', encodeURIComponent(ID)])('a server that is too busy for %s says until when', async (path) => {
  for (const status of [429, 503]) {
    const { fetch, told } = trusting(() => ({ status, text: '{"error":"x"}', headers: { 'Retry-After': '7' } }));
    expect(await hasNoEnd(fetch(`${DB}/${path}`))).toBe(true);
    expect(told).toEqual([['interrupted', 7_000]]);
  }
});

describe('a longpoll', () => {
  // Streams take turns by what is not a timer.
  beforeEach(() => jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] }));
  afterEach(() => jest.useRealTimers());

  test('that is begun and told nothing yet is listened to', async () => {
    const { fetch, told } = trusting(() => ({ first: HEAD, held: 60_000, text: row }));
    const answer = fetch(LONGPOLL);
    await advance(1);
    expect(told).toEqual(['listening']);
    await advance(60_000);
    expect((await answer).status).toBe(200);
    expect(told.at(-1)).toEqual([REV]);
    expect(jest.getTimerCount()).toBe(0);
  });

  test('is believed in, after a failure, when it has been held for a while', async () => {
    const { fetch, told } = trusting(() => ({ first: HEAD, held: 60_000, text: row }), { isWary: true });
    const answer = fetch(LONGPOLL);
    await advance(500);
    expect(told).toEqual([]);
    await advance(500);
    expect(told).toEqual(['listening']);
    await advance(60_000);
    await answer;
  });

  test('that is answered as a whole is not listened to; nor is the feed as it is', async () => {
    const { fetch, told } = trusting(() => ({ text: row }));
    await fetch(LONGPOLL);
    await fetch(`${DB}/_changes?since=0`);
    const begun = trusting(() => ({ first: HEAD, text: row }));
    await begun.fetch(`${DB}/_changes?since=0`);
    expect([told, begun.told]).toEqual([[[REV], [REV]], [[REV]]]);
  });

  test('that ends with nothing has failed, unless it was held', async () => {
    const hasty = trusting(() => ({ first: HEAD, text: nothing }));
    void hasty.fetch(LONGPOLL);
    await advance(1);
    expect(hasty.told.at(-1)).toEqual(INTERRUPTED);
    const held = trusting(() => ({ first: HEAD, held: 1_000, text: nothing }));
    const answer = held.fetch(LONGPOLL);
    await advance(1_000);
    expect((await answer).status).toBe(200);
  });
});

test('whatever the address that PouchDB asks under, the server is asked at its own', async () => {
  for (const url of [DB, `${DB}/`]) {
    const { fetch, asked } = trusting(() => ({ text: row }), { url });
    await fetch('http://elsewhere/database/_changes?since=0');
    void fetch(`http://elsewhere/database/${encodeURIComponent(ID)}?open_revs=${encodeURIComponent('["x"]')}`);
    await settled();
    expect(asked).toEqual([
      `GET ${DB}/_changes?since=0`,
      `GET ${DB}/${encodeURIComponent(ID)}?open_revs=${encodeURIComponent('["x"]')}`,
    ]);
  }
});

test('a server without _bulk_get says so to PouchDB, which reads the document by itself then', async () => {
  const { fetch, told } = trusting(({ pathname }) =>
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
  const { fetch } = trusting(({ pathname }) => ({ text: pathname.endsWith('_changes') ? row : '{}' }), {
    paces: { _revs_diff: turn('push'), _changes: turn('changes') },
  });
  await fetch(`${DB}/_changes?since=0`);
  await fetch(`${DB}/_revs_diff`, { method: 'POST', body: '{}' });
  await fetch(`${DB}/_bulk_docs`, { method: 'POST', body: '{}' });
  expect(turns).toEqual(['changes', 'push']);
});
