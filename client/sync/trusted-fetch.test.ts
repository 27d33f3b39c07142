import type { Ask } from '../platform/sync-fetch.ts';
import type { Exchange } from './answers.ts';
import { createTrustedFetch, type TrustedFetchOptions } from './trusted-fetch.ts';

const DB = 'http://127.0.0.1:9/sync/user_registry';
const ID = 'user_a+b@example.org';
const REV = `1-${'a'.repeat(32)}`;
const LONGPOLL = `${DB}/_changes?feed=longpoll&since=1-x`;
const HEAD = '{"results":[\n';
const atOnce = (): Promise<void> => Promise.resolve();

interface Said {
  readonly status?: number;
  readonly text: string;
  readonly headers?: Record<string, string>;
  /** What has come before the whole, and how long it is then until the end. */
  readonly first?: string;
  readonly held?: number;
}

/** A fetch whose server says this to each request, and what it told. */
function trusting(say: (url: URL, init: RequestInit) => Said, options: Partial<TrustedFetchOptions> = {}) {
  const asked: string[] = [];
  const told: string[] = [];
  const exchanges: Exchange[] = [];
  const ask: Ask = async (url, init, onText) => {
    asked.push(`${init.method ?? 'GET'} ${String(url)}`);
    const { status = 200, text, headers = {}, first, held } = say(new URL(url), init);
    if (first !== undefined) onText(first);
    if (held !== undefined) await new Promise((resolve) => setTimeout(resolve, held));
    onText(text);
    return { response: new Response(text, { status, headers }), text };
  };
  const fetch = createTrustedFetch({
    ask,
    id: ID,
    paces: { push: atOnce, changes: atOnce },
    isWary: false,
    onExchange: (exchange) => exchanges.push(exchange),
    onProgress: () => undefined,
    onListening: () => told.push('listening'),
    onBusy: (retryAfter) => told.push(`busy ${String(retryAfter)}`),
    ...options,
  });
  return { fetch, asked, told, exchanges };
}

const nothing = JSON.stringify({ results: [], last_seq: '1-x' });
const row = JSON.stringify({ results: [{ id: ID, seq: '2-x', changes: [{ rev: REV }] }], last_seq: '2-x' });

test('what PouchDB asks of the server and the database themselves is never sent', async () => {
  const { fetch, asked } = trusting(() => ({ text: '{}' }));
  for (const url of [`${DB}/`, 'http://127.0.0.1:9/sync/']) expect(await (await fetch(url)).json()).toEqual({});
  expect(asked).toEqual([]);
});

test('an exchange is told when it went well, and only then', async () => {
  const good = trusting(() => ({ text: '[]' }));
  await good.fetch(`${DB}/_bulk_docs?x=1`, { method: 'POST', body: '{"docs":[]}' });
  expect(good.exchanges).toEqual([{ endpoint: '_bulk_docs', request: { docs: [] }, answer: [] }]);
  const bad = trusting(() => ({ status: 500, text: '[]' }));
  await expect(bad.fetch(`${DB}/_bulk_docs`, { method: 'POST', body: '{"docs":[]}' })).rejects.toThrow('500');
  expect(bad.exchanges).toEqual([]);
});

test('a refusal of the document itself is passed on: it is the repair that asks', async () => {
  const { fetch, exchanges } = trusting(() => ({ status: 403, text: '{"error":"forbidden","reason":"No."}' }));
  expect((await fetch(`${DB}/${encodeURIComponent(ID)}`, { method: 'PUT', body: '{}' })).status).toBe(403);
  expect(exchanges).toEqual([]);
});

test.each([429, 503])('a server that is too busy (%i) says until when', async (status) => {
  const { fetch, told } = trusting(() => ({ status, text: '{"error":"x"}', headers: { 'Retry-After': '7' } }));
  await expect(fetch(`${DB}/_changes`)).rejects.toThrow(String(status));
  expect(told).toEqual(['busy 7']);
});

test('each part of an answer is progress, but for a longpoll’s', async () => {
  let parts = 0;
  const onProgress = (): void => void (parts += 1);
  const { fetch } = trusting(() => ({ first: HEAD, text: row }), { onProgress });
  await fetch(`${DB}/_changes?feed=longpoll&since=1`);
  expect(parts).toBe(0);
  await fetch(`${DB}/_changes?since=0`);
  expect(parts).toBe(2);
});

describe('a longpoll', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  test('that is begun and told nothing yet is listened to', async () => {
    const { fetch, told } = trusting(() => ({ first: HEAD, held: 60_000, text: row }));
    const answer = fetch(LONGPOLL);
    await jest.advanceTimersByTimeAsync(1);
    expect(told).toEqual(['listening']);
    await jest.advanceTimersByTimeAsync(60_000);
    expect((await answer).status).toBe(200);
    expect(jest.getTimerCount()).toBe(0);
  });

  test('is believed in, after a failure, when it has been held for a while', async () => {
    const { fetch, told } = trusting(() => ({ first: HEAD, held: 60_000, text: row }), { isWary: true });
    const answer = fetch(LONGPOLL);
    await jest.advanceTimersByTimeAsync(500);
    expect(told).toEqual([]);
    await jest.advanceTimersByTimeAsync(500);
    expect(told).toEqual(['listening']);
    await jest.advanceTimersByTimeAsync(60_000);
    await answer;
  });

  test('that is answered as a whole is not listened to; nor is the feed as it is', async () => {
    const { fetch, told } = trusting(() => ({ text: row }));
    await fetch(LONGPOLL);
    await fetch(`${DB}/_changes?since=0`);
    const begun = trusting(() => ({ first: HEAD, text: row }));
    await begun.fetch(`${DB}/_changes?since=0`);
    expect([...told, ...begun.told]).toEqual([]);
  });

  test('that ends with nothing has failed, unless it was held', async () => {
    const hasty = trusting(() => ({ first: HEAD, text: nothing }));
    await expect(hasty.fetch(LONGPOLL)).rejects.toThrow();
    const held = trusting(() => ({ first: HEAD, held: 1_000, text: nothing }));
    const answer = held.fetch(LONGPOLL);
    await jest.advanceTimersByTimeAsync(1_000);
    expect((await answer).status).toBe(200);
  });
});

test('a document that cannot be had by _bulk_get is read by itself, in the same words', async () => {
  const { fetch, asked, exchanges } = trusting((url) =>
    url.pathname.endsWith('_bulk_get')
      ? { status: 405, text: '<h1>No</h1>' }
      : { text: JSON.stringify([{ ok: { _id: ID, _rev: REV } }]) },
  );
  const request = { docs: [{ id: ID, rev: REV }] };
  const answer = await fetch(`${DB}/_bulk_get?revs=true&latest=true`, {
    method: 'POST',
    body: JSON.stringify(request),
  });
  const rows = { results: [{ id: ID, docs: [{ ok: { _id: ID, _rev: REV } }] }] };
  expect(answer.status).toBe(200);
  expect(await answer.json()).toEqual(rows);
  expect(exchanges).toEqual([{ endpoint: '_bulk_get', request, answer: rows }]);
  expect(asked[1]).toBe(
    `GET ${DB}/${encodeURIComponent(ID)}?revs=true&latest=true&open_revs=${encodeURIComponent(`["${REV}"]`)}`,
  );
});

test('pushes and changes wait for their turn, and nothing else does', async () => {
  const turns: string[] = [];
  const turn = (name: string) => (): Promise<void> => {
    turns.push(name);
    return Promise.resolve();
  };
  const { fetch } = trusting(({ pathname }) => ({ text: pathname.endsWith('_changes') ? nothing : '{}' }), {
    paces: { push: turn('push'), changes: turn('changes') },
  });
  await fetch(`${DB}/_changes?since=0`);
  await fetch(`${DB}/_revs_diff`, { method: 'POST', body: '{}' });
  await fetch(`${DB}/_bulk_docs`, { method: 'POST', body: '{}' });
  expect(turns).toEqual(['changes', 'push']);
});
