import { scaleMs } from '../../../couchdb-design/testing/patience.ts';
import type { ServerResponse } from 'node:http';
import { followChanges, type Feed, type FeedOptions } from './feed.ts';
import {
  eventually,
  startFakeUpstream,
  type FakeUpstreamHandler,
  type FakeUpstream,
} from '../../testing/fake-couchdb.ts';

const formatRow = (seq: string, id: string): string =>
  `${JSON.stringify({ seq, id, changes: [{ rev: `1-${'a'.repeat(32)}` }] })}\n`;

/** How the upstream responds to the n-th feed request, and to a request for the database's information. */
let onFeed: (response: ServerResponse, attempt: number) => void = () => undefined;
let onInfo: (response: ServerResponse) => void;
/** The database's sequence in that information. */
let updateSeq: string | number = '0-x';
let sinceParameters: string[] = [];
let upstream: FakeUpstream;
let feed: Feed | undefined;

const handler: FakeUpstreamHandler = (request, response) => {
  const url = new URL(request.url ?? '', 'http://upstream');
  if (!url.pathname.endsWith('_changes')) {
    onInfo(response);
    return;
  }
  sinceParameters.push(url.searchParams.get('since') ?? '');
  onFeed(response, sinceParameters.length);
};

const sendInfo = (response: ServerResponse): void => {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ db_name: 'registry', update_seq: updateSeq }));
};

beforeEach(async () => {
  [sinceParameters, updateSeq, onFeed, onInfo] = [[], '0-x', () => undefined, sendInfo];
  upstream = await startFakeUpstream(handler);
});
afterEach(async () => {
  feed?.close();
  await upstream.close();
});

interface FeedLog {
  readonly rows: string[];
  readonly disconnectReasons: string[];
  connectCount: number;
}

function follow(options: Partial<FeedOptions> = {}): FeedLog {
  const seen: FeedLog = { rows: [], disconnectReasons: [], connectCount: 0 };
  feed = followChanges({
    access: upstream.access,
    database: 'registry',
    onRow: (row) => seen.rows.push(row.id),
    onConnect: () => (seen.connectCount += 1),
    onDisconnect: (reason) => seen.disconnectReasons.push(reason),
    random: () => 0,
    ...options,
  });
  return seen;
}

const startResponse = (response: ServerResponse, text = '\n'): void => {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.write(text);
};

it('resumes after its last sequence when the connection is cut, and reports each disconnect', async () => {
  updateSeq = '9-x';
  onFeed = (response, attempt) => {
    startResponse(response, formatRow(`${attempt}-x`, `user_${attempt}`));
    if (attempt < 4) setImmediate(() => response.destroy());
  };
  const seen = follow();
  await eventually(() => seen.rows.length === 4);
  expect(sinceParameters).toEqual(['now', '1-x', '2-x', '3-x']);
  expect([seen.connectCount, seen.disconnectReasons.length]).toEqual([4, 3]);
});

it('resumes from now in a restored database, whose sequence is lower than the last one received', async () => {
  updateSeq = '3-restored';
  onFeed = (response, attempt) => {
    startResponse(response, attempt === 1 ? formatRow('900-x', 'user_old') : formatRow('4-x', 'user_new'));
    if (attempt === 1) response.end();
  };
  const seen = follow();
  await eventually(() => seen.rows.length === 2);
  expect(sinceParameters).toEqual(['now', 'now']);
});

it('disconnects a silent feed, whether before its headers, after them, or within a line', async () => {
  updateSeq = '1-x';
  onFeed = (response, attempt) => {
    if (attempt === 2) startResponse(response);
    if (attempt === 3) startResponse(response, formatRow('2-x', 'user_a').slice(0, 20));
    if (attempt === 4) startResponse(response, formatRow('2-x', 'user_b'));
  };
  const seen = follow({ heartbeat: scaleMs(100) });
  await eventually(() => seen.rows.length === 1);
  expect(seen.disconnectReasons.slice(0, 3)).toEqual(['no heartbeat', 'no heartbeat', 'no heartbeat']);
  expect(seen.rows).toEqual(['user_b']);
});

/** The first feed ends after its first row. The information request that follows fails once, then succeeds. */
function failFirstInfo(fail: (response: ServerResponse) => unknown): void {
  updateSeq = '2-x';
  onFeed = (response, attempt) => {
    startResponse(response, formatRow(`${attempt}-x`, `user_${attempt}`));
    if (attempt === 1) response.end();
  };
  let requestCount = 0;
  onInfo = (response) => {
    requestCount += 1;
    if (requestCount === 1) fail(response);
    else sendInfo(response);
  };
}

it.each([
  ['no response', () => undefined],
  ['an unfinished response', (response: ServerResponse) => response.writeHead(200).write('{"db_name":')],
] as const)('reconnects after %s to the request for the sequence', async (_name, hang) => {
  failFirstInfo(hang);
  const seen = follow({ heartbeat: scaleMs(100) });
  await eventually(() => seen.rows.length === 2, scaleMs(1_000));
  expect(seen.disconnectReasons).toEqual(['ended by the upstream', 'no heartbeat']);
});

it.each([
  [200, 'not json'],
  [200, '{"db_name":"x"}'],
  [200, `"${'x'.repeat(100_000)}"`],
  [404, '{"error":"not_found"}'],
])('retries after a response %i %j to the request for the sequence, without connecting', async (status, body) => {
  failFirstInfo((response) => response.writeHead(status).end(body));
  const seen = follow();
  await eventually(() => seen.rows.length === 2);
  expect([sinceParameters, seen.connectCount, seen.disconnectReasons.length]).toEqual([['now', '1-x'], 2, 2]);
});

it.each([
  ['the whole body', (response: ServerResponse) => response.writeHead(403).end('{"error":"forbidden","reason":"No."}')],
  ['the start of the body', (response: ServerResponse) => response.writeHead(403).write('{"error":"forbidden",')],
  ['no body', (response: ServerResponse) => response.writeHead(403).flushHeaders()],
] as const)('gives the status and the reason of an error of which %s arrives', async (name, respond) => {
  failFirstInfo(respond);
  const seen = follow({ heartbeat: scaleMs(100) });
  await eventually(() => seen.rows.length === 2);
  const reason = name === 'the whole body' ? 'forbidden: No.' : 'not JSON';
  expect(seen.disconnectReasons).toEqual(['ended by the upstream', `status 403 (${reason})`]);
});

it('connects at the first readable line, not at a 200 response that is not a feed', async () => {
  onFeed = (response, attempt) => {
    if (attempt === 1)
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>\n<body>Later</body></html>\n');
    if (attempt === 2) startResponse(response, '<html> without an end of a line');
    if (attempt === 3) startResponse(response, ' ');
    if (attempt === 4) startResponse(response);
  };
  const seen = follow({ heartbeat: scaleMs(100) });
  await eventually(() => sinceParameters.length === 4 && feed?.connected === true);
  expect([seen.connectCount, seen.disconnectReasons.length]).toEqual([1, 3]);
});

it.each([
  ['rejections', (response: ServerResponse) => response.writeHead(400).end('{"error":"bad_request"}')],
  ['unreadable feeds', (response: ServerResponse) => startResponse(response, '\n{"error":"badarg"}\n')],
] as const)('resumes from now after three consecutive %s for its sequence', async (_name, refuse) => {
  updateSeq = '9-x';
  onFeed = (response, attempt) => {
    if (attempt === 1) {
      startResponse(response, formatRow('7-another-history', 'user_a'));
      response.end();
    } else if (sinceParameters.at(-1) !== 'now') refuse(response);
    else startResponse(response, formatRow('10-x', 'user_b'));
  };
  const seen = follow();
  await eventually(() => seen.rows.length === 2);
  const kept = '7-another-history';
  expect(sinceParameters).toEqual(['now', kept, kept, kept, 'now']);
});

it('keeps its sequence through any number of lost connections', async () => {
  updateSeq = '9-x';
  onFeed = (response, attempt) => {
    if (attempt === 1) startResponse(response, formatRow('7-x', 'user_a'));
    if (attempt < 7) setImmediate(() => response.destroy());
    else startResponse(response);
  };
  const seen = follow();
  await eventually(() => sinceParameters.length === 7 && feed?.connected === true);
  expect(sinceParameters.slice(1)).toEqual(Array(6).fill('7-x'));
  expect(seen.disconnectReasons.length).toBe(6);
});

it('stays connected while it receives heartbeats, however rare the changes', async () => {
  onFeed = (response) => {
    startResponse(response);
    const beat = setInterval(() => response.write('\n'), 50);
    response.on('close', () => clearInterval(beat));
    setTimeout(() => response.write(formatRow('1-x', 'user_late')), 800);
  };
  const seen = follow({ heartbeat: scaleMs(100) });
  await eventually(() => seen.rows.length === 1);
  expect([seen.connectCount, seen.disconnectReasons]).toEqual([1, []]);
});

it('reads a row split at any byte, even within a character', async () => {
  const row = Buffer.from(`${JSON.stringify({ seq: '1-x', id: 'user_é😀', changes: [{ rev: '1-a' }] })}\n`);
  onFeed = (response) => {
    startResponse(response);
    void (async () => {
      for (const byte of row) {
        await new Promise((resolve) => response.write(Buffer.from([byte]), resolve));
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
  };
  const seen = follow();
  await eventually(() => seen.rows.length === 1);
  expect(seen.rows).toEqual(['user_é😀']);
  expect(seen.disconnectReasons).toEqual([]);
});

it.each([
  'not json\n',
  '[]\n',
  '"x"\n',
  '{"id":"a"}\n',
  '{"seq":"1","id":"a","changes":[{}]}\n',
  '{"seq":{},"id":"a","changes":[]}\n',
])('reconnects when it receives %j, and ignores it', async (garbage) => {
  updateSeq = '1-x';
  onFeed = (response, attempt) => startResponse(response, attempt === 1 ? garbage : formatRow('1-x', 'user_a'));
  const seen = follow();
  await eventually(() => seen.rows.length === 1);
  expect(seen.disconnectReasons).toEqual([expect.stringContaining('unreadable feed')]);
  expect(seen.rows).toEqual(['user_a']);
});

it('takes the last line of a feed that CouchDB ends as a sequence to resume from, not as a change', async () => {
  updateSeq = '8-x';
  onFeed = (response, attempt) => {
    startResponse(response, attempt === 1 ? '{"last_seq":"7-x","pending":0}\n' : formatRow('8-x', 'user_a'));
    if (attempt === 1) response.end();
  };
  const seen = follow();
  await eventually(() => seen.rows.length === 1);
  expect(sinceParameters).toEqual(['now', '7-x']);
});

it.each([
  ['500', (response: ServerResponse) => response.writeHead(500).end('{}')],
  ['401', (response: ServerResponse) => response.writeHead(401).end('{}')],
  ['a redirect to itself', (response: ServerResponse) => response.writeHead(302, { location: '/' }).end()],
  ['an empty feed', (response: ServerResponse) => response.writeHead(200).end()],
  ['a feed of one heartbeat', (response: ServerResponse) => response.writeHead(200).end('\n')],
  ['a reset connection', (response: ServerResponse) => response.destroy()],
] as const)('retries with a growing delay after repeated %s', async (_name, fail) => {
  onFeed = fail;
  const seen = follow();
  const startedAt = performance.now();
  await eventually(() => sinceParameters.length >= 5);
  // With the shortest jitter the delays are 50, 100, 200 and 400 ms.
  expect(performance.now() - startedAt).toBeGreaterThan(600);
  expect(seen.rows).toEqual([]);
});

it('leaks no connection per attempt', async () => {
  updateSeq = '1-x';
  onFeed = (response, attempt) => {
    startResponse(response, formatRow('1-x', `user_${attempt}`));
    response.end();
  };
  const seen = follow();
  await eventually(() => seen.rows.length > 5);
  // The feed's, the one of the request for the sequence, and one that is being closed.
  expect(await upstream.connections()).toBeLessThanOrEqual(3);
});

it('once closed, calls no callback, sends no request, and closes its socket', async () => {
  let openResponse: ServerResponse | undefined;
  let isClosed = false;
  onFeed = (response) => {
    openResponse = response;
    response.on('close', () => (isClosed = true));
    startResponse(response);
  };
  const seen = follow();
  await eventually(() => seen.connectCount === 1);
  feed?.close();
  openResponse?.write(formatRow('1-x', 'user_late'));
  await eventually(() => isClosed);
  expect([seen.rows, seen.disconnectReasons, sinceParameters.length]).toEqual([[], [], 1]);
});

it('once closed, ignores the rest of the chunk that it is reading', async () => {
  onFeed = (response) => startResponse(response, `${formatRow('1-x', 'user_a')}${formatRow('2-x', 'user_b')}`);
  const rows: string[] = [];
  follow({
    onRow: (row) => {
      rows.push(row.id);
      feed?.close();
    },
  });
  await eventually(async () => (await upstream.connections()) === 0 && rows.length > 0);
  expect(rows).toEqual(['user_a']);
});

it('can be closed during the delay between two attempts', async () => {
  onFeed = (response) => response.writeHead(500).end('{}');
  const seen = follow({ random: () => 0.99 });
  await eventually(() => seen.disconnectReasons.length === 3);
  const requestCount = sinceParameters.length;
  feed?.close();
  onFeed = (response) => startResponse(response);
  expect([sinceParameters.length, seen.connectCount, feed?.connected]).toEqual([requestCount, 0, false]);
});
