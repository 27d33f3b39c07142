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

/** What the upstream does with the n-th feed that is asked for, and when it is asked about the database. */
let onFeed: (response: ServerResponse, attempt: number) => void = () => undefined;
let onInfo: (response: ServerResponse) => void;
/** What it says of the database's sequence. */
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

it('goes on after its last sequence when the connection is cut, and says so each time', async () => {
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

it('goes on from now in a database that was restored: its sequence is lower than the last one seen', async () => {
  updateSeq = '3-restored';
  onFeed = (response, attempt) => {
    startResponse(response, attempt === 1 ? formatRow('900-x', 'user_old') : formatRow('4-x', 'user_new'));
    if (attempt === 1) response.end();
  };
  const seen = follow();
  await eventually(() => seen.rows.length === 2);
  expect(sinceParameters).toEqual(['now', 'now']);
});

it('counts as dead when it says nothing, whether before its head, after it, or in the middle of a line', async () => {
  updateSeq = '1-x';
  onFeed = (response, attempt) => {
    if (attempt === 2) startResponse(response);
    if (attempt === 3) startResponse(response, formatRow('2-x', 'user_a').slice(0, 20));
    if (attempt === 4) startResponse(response, formatRow('2-x', 'user_b'));
  };
  const seen = follow({ heartbeat: 100 });
  await eventually(() => seen.rows.length === 1);
  expect(seen.disconnectReasons.slice(0, 3)).toEqual(['no heartbeat', 'no heartbeat', 'no heartbeat']);
  expect(seen.rows).toEqual(['user_b']);
});

/** A feed that ends after its first row; the question for the sequence that follows is answered so, and then as it should be. */
function failFirstInfo(fail: (response: ServerResponse) => unknown): void {
  updateSeq = '2-x';
  onFeed = (response, attempt) => {
    startResponse(response, formatRow(`${attempt}-x`, `user_${attempt}`));
    if (attempt === 1) response.end();
  };
  let asked = 0;
  onInfo = (response) => {
    asked += 1;
    if (asked === 1) fail(response);
    else sendInfo(response);
  };
}

it.each([
  ['says nothing', () => undefined],
  ['begins and says no more', (response: ServerResponse) => response.writeHead(200).write('{"db_name":')],
] as const)('an upstream that %s when it is asked for its sequence holds nothing up', async (_name, hang) => {
  failFirstInfo(hang);
  const seen = follow({ heartbeat: 100 });
  await eventually(() => seen.rows.length === 2, 1_000);
  expect(seen.disconnectReasons).toEqual(['ended by the upstream', 'no heartbeat']);
});

it.each([
  [200, 'not json'],
  [200, '{"db_name":"x"}'],
  [200, `"${'x'.repeat(100_000)}"`],
  [404, '{"error":"not_found"}'],
])('an answer %i %j to the question for its sequence is tried again, and never a feed', async (status, body) => {
  failFirstInfo((response) => response.writeHead(status).end(body));
  const seen = follow();
  await eventually(() => seen.rows.length === 2);
  expect([sinceParameters, seen.connectCount, seen.disconnectReasons.length]).toEqual([['now', '1-x'], 2, 2]);
});

it('is up once a line can be read: what answers 200 in the place of a feed does not make it so', async () => {
  onFeed = (response, attempt) => {
    if (attempt === 1)
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>\n<body>Later</body></html>\n');
    if (attempt === 2) startResponse(response, '<html> without an end of a line');
    if (attempt === 3) startResponse(response, ' ');
    if (attempt === 4) startResponse(response);
  };
  const seen = follow({ heartbeat: 100 });
  await eventually(() => sinceParameters.length === 4 && feed?.connected === true);
  expect([seen.connectCount, seen.disconnectReasons.length]).toEqual([1, 3]);
});

it.each([
  ['refuses', (response: ServerResponse) => response.writeHead(400).end('{"error":"bad_request"}')],
  ['follows up with nonsense', (response: ServerResponse) => startResponse(response, '\n{"error":"badarg"}\n')],
] as const)('a sequence that the upstream %s again and again is given up for now', async (_name, refuse) => {
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

it('a sequence is kept through any number of connections that are lost', async () => {
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

it('stays up as long as heartbeats come, however seldom changes do', async () => {
  onFeed = (response) => {
    startResponse(response);
    const beat = setInterval(() => response.write('\n'), 50);
    response.on('close', () => clearInterval(beat));
    setTimeout(() => response.write(formatRow('1-x', 'user_late')), 800);
  };
  const seen = follow({ heartbeat: 100 });
  await eventually(() => seen.rows.length === 1);
  expect([seen.connectCount, seen.disconnectReasons]).toEqual([1, []]);
});

it('reads a row whole wherever its bytes are cut, in the middle of a character too', async () => {
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
])('begins anew when it is told %j, and takes nothing of it', async (garbage) => {
  updateSeq = '1-x';
  onFeed = (response, attempt) => startResponse(response, attempt === 1 ? garbage : formatRow('1-x', 'user_a'));
  const seen = follow();
  await eventually(() => seen.rows.length === 1);
  expect(seen.disconnectReasons).toEqual([expect.stringContaining('unreadable feed')]);
  expect(seen.rows).toEqual(['user_a']);
});

it('takes the last line of a feed that CouchDB ends for a place to go on from, not for a change', async () => {
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
  ['an end at once', (response: ServerResponse) => response.writeHead(200).end()],
  ['a head and an end', (response: ServerResponse) => response.writeHead(200).end('\n')],
  ['a broken connection', (response: ServerResponse) => response.destroy()],
] as const)('an upstream that answers %s again and again is asked ever more seldom', async (_name, fail) => {
  onFeed = fail;
  const seen = follow();
  const begun = performance.now();
  await eventually(() => sinceParameters.length >= 5);
  // With the shortest jitter the waits are 50, 100, 200 and 400 ms.
  expect(performance.now() - begun).toBeGreaterThan(600);
  expect(seen.rows).toEqual([]);
});

it('leaves no connection behind for each attempt', async () => {
  updateSeq = '1-x';
  onFeed = (response, attempt) => {
    startResponse(response, formatRow('1-x', `user_${attempt}`));
    response.end();
  };
  const seen = follow();
  await eventually(() => seen.rows.length > 5);
  // The feed's own, the one by which the sequence is looked at, and one that is being closed.
  expect(await upstream.connections()).toBeLessThanOrEqual(3);
});

it('once closed it calls nothing, asks nothing, and lets go of its socket', async () => {
  let open: ServerResponse | undefined;
  let gone = false;
  onFeed = (response) => {
    open = response;
    response.on('close', () => (gone = true));
    startResponse(response);
  };
  const seen = follow();
  await eventually(() => seen.connectCount === 1);
  feed?.close();
  open?.write(formatRow('1-x', 'user_late'));
  await eventually(() => gone);
  expect([seen.rows, seen.disconnectReasons, sinceParameters.length]).toEqual([[], [], 1]);
});

it('once closed it takes no more even of the piece that it is reading', async () => {
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

it('can be closed while it waits between two attempts', async () => {
  onFeed = (response) => response.writeHead(500).end('{}');
  const seen = follow({ random: () => 0.99 });
  await eventually(() => seen.disconnectReasons.length === 3);
  const asked = sinceParameters.length;
  feed?.close();
  onFeed = (response) => startResponse(response);
  expect([sinceParameters.length, seen.connectCount, feed?.connected]).toEqual([asked, 0, false]);
});
