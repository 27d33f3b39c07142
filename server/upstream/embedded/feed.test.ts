import { request as httpRequest, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import net from 'node:net';
import { createInterface } from 'node:readline';
import { authorizationOf } from '../client.ts';
import { eventually } from '../../testing/fake-couchdb.ts';
import { startTestEngine, type TestEngine } from '../../testing/embedded-engine.ts';

let testEngine: TestEngine;

beforeAll(async () => {
  testEngine = await startTestEngine();
  await testEngine.asAdmin('PUT', '/shared');
});

afterAll(() => testEngine.engine.close());

interface Feed {
  readonly response: IncomingMessage;
  /** Resolves with the next row. */
  next(): Promise<unknown>;
  /** Resolves with the next line, heartbeats included. */
  line(): Promise<string>;
  end(): Promise<void>;
}

async function openFeed(query: string, engine = testEngine.engine): Promise<Feed> {
  const { access } = engine;
  const request = httpRequest(`${access.url}/shared/_changes?${query}`, {
    headers: { authorization: authorizationOf(access) },
    agent: false,
  });
  request.end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  request.on('error', () => undefined);
  const lines = createInterface({ input: response })[Symbol.asyncIterator]();
  const line = async (): Promise<string> => {
    const next = await lines.next();
    if (next.done === true) throw new Error('The feed has ended.');
    return next.value;
  };
  return {
    response,
    line,
    async next() {
      for (;;) {
        const text = await line();
        if (text !== '') return JSON.parse(text) as unknown;
      }
    },
    async end() {
      const closed = once(request, 'close');
      request.destroy();
      await closed;
    },
  };
}

const put = async (id: string, body: object = {}): Promise<string> => {
  const response = await testEngine.asAdmin('PUT', `/shared/${id}`, body);
  return (response.body as { rev: string }).rev;
};

const branch = (id: string, rev: string, body: object = {}): Promise<unknown> =>
  testEngine.asAdmin('POST', '/shared/_bulk_docs', { new_edits: false, docs: [{ _id: id, _rev: rev, ...body }] });

const LIVE_QUERY = 'feed=continuous&style=all_docs&heartbeat=60000&since=now';

describe('a continuous feed', () => {
  it('sends a row at once for each write, with all leaves, deleted ones included', async () => {
    const feed = await openFeed(LIVE_QUERY);
    const rev = await put('leafy');
    expect(await feed.next()).toMatchObject({ id: 'leafy', changes: [{ rev }] });
    await branch('leafy', '2-bbbb');
    expect(await feed.next()).toMatchObject({ id: 'leafy', changes: [{ rev: '2-bbbb' }, { rev }] });
    await branch('leafy', '3-cccc', { _revisions: { start: 3, ids: ['cccc', 'bbbb'] }, _deleted: true });
    const row = await feed.next();
    expect(row).toMatchObject({ changes: expect.arrayContaining([{ rev }, { rev: '3-cccc' }]) as unknown });
    expect(row).not.toHaveProperty('deleted');
    await feed.end();
  });

  it('misses no write after its response has started', async () => {
    const feed = await openFeed(LIVE_QUERY);
    await Promise.all(Array.from({ length: 50 }, (_, index) => put(`fast-${index}`)));
    const seen = new Set<string>();
    while (seen.size < 50) seen.add(((await feed.next()) as { id: string }).id);
    expect([...seen].every((id) => id.startsWith('fast-'))).toBe(true);
    await feed.end();
  });

  it('is sent to twenty clients at once, without a warning of leaking listeners', async () => {
    const feeds = await Promise.all(Array.from({ length: 20 }, () => openFeed(LIVE_QUERY)));
    const rev = await put('shared');
    // Jest's environment fails this file at the warning.
    for (const feed of feeds) expect(await feed.next()).toMatchObject({ id: 'shared', changes: [{ rev }] });
    await Promise.all(feeds.map((feed) => feed.end()));
  });

  it('resumes after another feed’s sequence, with documents on request', async () => {
    const first = await openFeed(LIVE_QUERY);
    await put('before', { n: 1 });
    const { seq } = (await first.next()) as { seq: string };
    await first.end();
    await put('meanwhile', { n: 2 });
    const second = await openFeed(`${LIVE_QUERY.replace('now', seq)}&include_docs=true`);
    expect(await second.next()).toMatchObject({ id: 'meanwhile', doc: { _id: 'meanwhile', n: 2 } });
    await second.end();
  });

  it('sends heartbeats, or ends at its timeout', async () => {
    const beating = await openFeed('feed=continuous&since=now&heartbeat=20');
    expect([await beating.line(), await beating.line()]).toEqual(['', '']);
    await beating.end();
    const ending = await openFeed('feed=continuous&since=now&timeout=20');
    expect(await ending.next()).toMatchObject({ last_seq: expect.any(String) as unknown, pending: 0 });
    await expect(ending.line()).rejects.toThrow('ended');
  });

  it('sends a newline at once when it starts to wait, before its first heartbeat', async () => {
    const feed = await openFeed('feed=continuous&since=now&heartbeat=60000');
    expect(await feed.line()).toBe('');
    await feed.end();
  });

  it('lists the winner first, even when a deleted leaf has a higher generation', async () => {
    const feed = await openFeed(LIVE_QUERY);
    const leaf = (generation: number, digit: string, members: object = {}): object => ({
      _id: 'forked',
      _rev: `${generation}-${digit.repeat(32)}`,
      _revisions: { start: generation, ids: [digit.repeat(32)] },
      ...members,
    });
    const docs = [leaf(100, 'd', { _deleted: true }), leaf(2, 'a'), leaf(2, 'b')];
    await testEngine.asAdmin('POST', '/shared/_bulk_docs', { new_edits: false, docs });
    const expected = { id: 'forked', changes: [`2-${'b'.repeat(32)}`, `2-${'a'.repeat(32)}`, `100-${'d'.repeat(32)}`] };
    let row: { id?: string; changes?: { rev: string }[] } = {};
    while ((row.changes?.length ?? 0) < 3) row = (await feed.next()) as typeof row;
    expect({ id: row.id, changes: row.changes?.map(({ rev }) => rev) }).toEqual(expected);
    await feed.end();
  });

  it('ends when its database is destroyed, and when the engine is closed', async () => {
    const other = await startTestEngine();
    await other.asAdmin('PUT', '/shared');
    const feed = await openFeed(LIVE_QUERY, other.engine);
    await other.asAdmin('DELETE', '/shared');
    expect(await feed.next()).toMatchObject({ last_seq: expect.any(String) as unknown });
    await expect(feed.line()).rejects.toThrow('ended');
    await other.asAdmin('PUT', '/shared');
    const secondFeed = await openFeed(LIVE_QUERY, other.engine);
    const outcome = secondFeed.next().catch(() => 'cut');
    await other.engine.close();
    expect(await outcome).toBe('cut');
  });
});

describe('a longpoll', () => {
  it('ends at a change to one of its documents, and ignores others', async () => {
    const feed = await openFeed('feed=longpoll&since=now&filter=_doc_ids&doc_ids=["mine"]&heartbeat=60000');
    await put('another');
    const rev = await put('mine');
    let text = '';
    for (;;) {
      const line = await feed.line().catch(() => undefined);
      if (line === undefined) break;
      text += line;
    }
    expect(JSON.parse(text)).toMatchObject({ results: [{ id: 'mine', changes: [{ rev }] }], pending: 0 });
  });
});

it('returns the leaves of many ids in the order of their changes, and no other documents', async () => {
  const ids = Array.from({ length: 300 }, (_, index) => `many-${index}`);
  await testEngine.asAdmin('POST', '/shared/_bulk_docs', { docs: ids.map((_id) => ({ _id })) });
  const { body } = await testEngine.asAdmin('POST', '/shared/_changes?filter=_doc_ids&style=all_docs&since=0', {
    doc_ids: [...ids, ...ids, 'nobody'].reverse(),
  });
  const { results } = body as { results: { id: string }[] };
  expect(results.map(({ id }) => id)).toEqual(ids);
});

it('reports a deleted document as deleted, and recreates it without a revision', async () => {
  const rev = await put('phoenix');
  await testEngine.asAdmin('DELETE', `/shared/phoenix?rev=${rev}`);
  const changes = await testEngine.asAdmin('POST', '/shared/_changes?filter=_doc_ids&since=0', {
    doc_ids: ['phoenix'],
  });
  expect(changes.body).toMatchObject({ results: [{ id: 'phoenix', deleted: true }] });
  expect(await testEngine.asAdmin('GET', '/shared/phoenix')).toMatchObject({
    status: 404,
    body: { reason: 'deleted' },
  });
  const again = await testEngine.asAdmin('PUT', '/shared/phoenix', { risen: true });
  expect(again).toMatchObject({ status: 201, body: { rev: expect.stringMatching(/^3-/) as unknown } });
});

it('leaves nothing behind for clients that disconnect before their feed starts', async () => {
  const countTimers = (): number => process.getActiveResourcesInfo().filter((type) => type === 'Timeout').length;
  const { access } = testEngine.engine;
  const { hostname, port } = new URL(access.url);
  const head = `GET /shared/_changes?feed=continuous&since=now&heartbeat=60000 HTTP/1.1\r\nHost: ${hostname}\r\n`;
  const before = countTimers();
  for (let n = 0; n < 100; n += 1) {
    const socket = net.connect(Number(port), hostname);
    await once(socket, 'connect');
    const closed = once(socket, 'close');
    socket.write(`${head}Authorization: ${authorizationOf(access)}\r\n\r\n`, () => socket.resetAndDestroy());
    await closed;
  }
  // The requests above arrive before this one.
  await put('after');
  await eventually(() => countTimers() < before + 10);
});
