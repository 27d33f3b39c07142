import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { startTestGate, type TestGate } from '../../testing/test-gate.ts';
import { startTestUpstream } from '../../testing/test-database.ts';
import { eventually } from '../../testing/fake-couchdb.ts';
import replies from '../../upstream/embedded/couchdb-3.4.3-replies.json' with { type: 'json' };

let gate: TestGate;
beforeAll(async () => {
  gate = await startTestGate();
});
afterAll(() => gate.close());

const open: LiveClient[] = [];
afterEach(async () => {
  for (const live of open.splice(0)) live.abort();
  await eventually(() => gate.pouchgate.hub.size === 0);
});

/** A live response, read as it arrives. */
interface LiveClient {
  readonly status: number;
  readonly type: string | null;
  readonly text: () => string;
  readonly hasEnded: () => boolean;
  readonly abort: () => void;
}

async function openLive(username: string, query: string, headers: Record<string, string> = {}): Promise<LiveClient> {
  const controller = new AbortController();
  const response = await fetch(`${gate.database}/_changes?${query}`, {
    headers: { authorization: `Bearer ${gate.token(username)}`, ...headers },
    signal: controller.signal,
  });
  let [text, ended] = ['', false];
  const decoder = new TextDecoder();
  void (async () => {
    try {
      for await (const chunk of response.body ?? []) text += decoder.decode(chunk, { stream: true });
    } catch {
      // The client disconnected.
    }
    ended = true;
  })();
  const live = {
    status: response.status,
    type: response.headers.get('content-type'),
    text: () => text,
    hasEnded: () => ended,
    abort: () => controller.abort(),
  };
  open.push(live);
  return live;
}

/** Returns the current state token. Creates the user's document if it does not exist. */
const tokenOf = async (username: string, at = gate): Promise<string> => {
  const { last_seq: token } = (await (await at.request(username, '/_changes')).json()) as { last_seq: string };
  return token;
};

/** Edits directly in the database, as another gate or an operator would; returns the new revision. */
async function editDirectly(username: string, theme = randomBytes(4).toString('hex')): Promise<string> {
  const document = await gate.registry().get(`user_${username}`);
  const { rev } = await gate.registry().insert({ ...document, preferences: { theme } } as never);
  return rev;
}

/** Returns a recorded response of CouchDB. */
function recordedResponse(title: string): string {
  const reply = replies.find((each) => each.title.startsWith(title))?.response.body;
  if (reply === undefined) throw new Error(`no such reply: ${title}`);
  return typeof reply === 'string' ? reply : JSON.stringify(reply);
}

/** Masks sequences, ids and revisions, which differ between servers. */
const normalize = (text: string): string =>
  text
    .replaceAll(/"(seq|last_seq)":"[^"]*"/g, '"$1":"S"')
    .replaceAll(/"id":"[^"]*"/g, '"id":"I"')
    .replaceAll(/"rev":"[^"]*"/g, '"rev":"R"');

describe('framing is the same as CouchDB’s', () => {
  it('a longpoll starts immediately, sends newlines as heartbeats, and ends with its row', async () => {
    const live = await openLive('frame1', `feed=longpoll&heartbeat=1000&since=${await tokenOf('frame1')}`);
    await eventually(() => live.text().includes('[\n\n'));
    const opening = recordedResponse('_changes, longpoll with heartbeat').split('…')[0] ?? '';
    expect(opening.startsWith(live.text())).toBe(true);
    const rev = await editDirectly('frame1');
    await eventually(live.hasEnded);
    const seq = await tokenOf('frame1');
    const row = { seq, id: 'user_frame1', changes: [{ rev }] };
    expect(JSON.parse(live.text())).toEqual({ results: [row], last_seq: seq, pending: 0 });
    expect(live.text().trimEnd().endsWith(`],\n"last_seq":"${seq}","pending":0}`)).toBe(true);
  });

  it('an empty longpoll equals CouchDB’s response when nothing changes', async () => {
    const live = await openLive('frame2', `feed=longpoll&timeout=1000&since=${await tokenOf('frame2')}`);
    await eventually(live.hasEnded);
    expect(normalize(JSON.stringify(JSON.parse(live.text())))).toBe(
      normalize(recordedResponse('_changes, longpoll with timeout, nothing happens')),
    );
  });

  it('a longpoll with heartbeats ends at a timeout of less than a minute; another feed does not', async () => {
    const since = await tokenOf('frame2b');
    const continuous = await openLive('frame2b', `feed=continuous&heartbeat=1000&timeout=1000&since=${since}`);
    const longpoll = await openLive('frame2b', `feed=longpoll&heartbeat=1000&timeout=2500&since=${since}`);
    await eventually(longpoll.hasEnded);
    expect(longpoll.text()).toMatch(/^\{"results":\[\n\n\n*\],\n"last_seq":/);
    expect(continuous.hasEnded()).toBe(false);
  });

  it('a continuous feed sends one line per change, with the same members in the same order', async () => {
    const live = await openLive('frame3', 'feed=continuous&style=all_docs&heartbeat=1000');
    await eventually(() => live.text().includes('}\n'));
    await editDirectly('frame3');
    await eventually(() => live.text().split('}\n').length === 3);
    const [line] = recordedResponse('_changes, continuous, heartbeat').split('\n');
    for (const own of live
      .text()
      .split('\n')
      .filter((each) => each !== '')) {
      expect(normalize(own)).toBe(normalize(line ?? ''));
    }
  });

  it('an eventsource uses state tokens as event ids, and heartbeat events', async () => {
    const live = await openLive('frame4', 'feed=eventsource&heartbeat=1000');
    await eventually(() => live.text().includes('event: heartbeat\ndata: \n\n'));
    const seq = await tokenOf('frame4');
    expect(live.type).toBe('text/event-stream');
    expect(live.text()).toMatch(new RegExp(`^data: {"seq":"${seq}",.*}\nid: ${seq}\n\n`));
  });
});

describe('rows and heartbeats', () => {
  it('heartbeats follow the requested interval, but not more than one a second', async () => {
    const since = await tokenOf('beats');
    const feeds = await Promise.all(
      ['heartbeat=1', 'heartbeat=1000', 'heartbeat=3000'].map((beat) =>
        openLive('beats', `feed=longpoll&${beat}&since=${since}`),
      ),
    );
    const startedAt = performance.now();
    await eventually(() => (feeds[1]?.text() ?? '').endsWith('\n\n\n\n'));
    const [fast, second, slow] = feeds.map((live) => live.text().slice('{"results":[\n'.length).length);
    expect(performance.now() - startedAt).toBeGreaterThan(2_500);
    expect([second, slow]).toEqual([3, expect.any(Number)]);
    expect(fast).toBeLessThanOrEqual(4);
    expect(slow).toBeLessThanOrEqual(1);
  });

  it('since=now skips the current state and sends later changes', async () => {
    await tokenOf('now');
    const live = await openLive('now', 'feed=continuous&since=now&heartbeat=1000');
    const rev = await editDirectly('now');
    await eventually(() => live.text().includes('}\n'));
    expect(JSON.parse(live.text().trim())).toMatchObject({ changes: [{ rev }] });
  });

  it('a change is sent to every live request of its user and to no other user', async () => {
    const since = await tokenOf('tabs');
    const others = await openLive('tabs2', `feed=longpoll&heartbeat=10000&since=${await tokenOf('tabs2')}`);
    const tabs = await Promise.all(
      Array.from({ length: 6 }, () => openLive('tabs', `feed=longpoll&heartbeat=10000&since=${since}`)),
    );
    expect(gate.pouchgate.hub.size).toBe(7);
    const rev = await editDirectly('tabs');
    await eventually(() => tabs.every((tab) => tab.hasEnded()));
    expect(new Set(tabs.map((tab) => tab.text())).size).toBe(1);
    expect(tabs[0]?.text()).toContain(rev);
    expect(others.text()).toBe('{"results":[\n');
  });

  it('include_docs adds the document, and main_only returns only the winning leaf', async () => {
    const { _rev: root, ...document } = (await (await gate.request('leaves', '/user_leaves')).json()) as {
      _rev: string;
    };
    const docs = ['1', '2'].map((digit) => {
      const id = digit.repeat(32);
      return { ...document, _rev: `2-${id}`, _revisions: { start: 2, ids: [id, root.slice(2)] } };
    });
    const witness = await openLive('leaves', 'feed=continuous&style=all_docs&since=now&heartbeat=10000');
    await gate.registry().bulk({ docs, new_edits: false });
    // The feed has delivered the change, so the following requests read the state instead of receiving a late row.
    await eventually(() => docs.every(({ _rev: rev }) => witness.text().includes(rev)));
    const row = async (query: string): Promise<unknown> => {
      const live = await openLive('leaves', `feed=longpoll&since=0&${query}`);
      await eventually(live.hasEnded);
      return (JSON.parse(live.text()) as { results: unknown[] }).results[0];
    };
    const [winner, loser] = [`2-${'2'.repeat(32)}`, `2-${'1'.repeat(32)}`];
    expect(await row('style=main_only')).toMatchObject({ changes: [{ rev: winner }] });
    expect(await row('style=all_docs')).toMatchObject({ changes: [{ rev: winner }, { rev: loser }] });
    expect(await row('include_docs=true&conflicts=true')).toMatchObject({ doc: { _rev: winner, _conflicts: [loser] } });
  });

  it('a continuous feed ends after `limit` rows, with its last state', async () => {
    const live = await openLive('limit', 'feed=continuous&limit=2&heartbeat=10000');
    await eventually(() => live.text().includes('}\n'));
    expect(live.hasEnded()).toBe(false);
    await editDirectly('limit');
    await eventually(live.hasEnded);
    const lines = live.text().trim().split('\n');
    expect(lines).toHaveLength(3);
    expect(JSON.parse(lines[2] ?? '')).toEqual({ last_seq: await tokenOf('limit'), pending: 0 });
  });

  it('an eventsource resumes after Last-Event-ID', async () => {
    const token = await tokenOf('resume');
    const live = await openLive('resume', 'feed=eventsource&heartbeat=1000&since=0', { 'last-event-id': token });
    await eventually(() => live.text().includes('event: heartbeat'));
    expect(live.text()).not.toContain('"seq"');
    const rev = await editDirectly('resume');
    await eventually(() => live.text().includes(rev));
  });
});

describe('no change is missed', () => {
  it('for any writes between successive longpolls, the client receives the last state', async () => {
    const step = fc.constantFrom('write', 'write', 'yield', 'turn');
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), fc.uuid(), async (steps, uuid) => {
        const username = `p${uuid.slice(0, 8)}`;
        let since = await tokenOf(username);
        let known = '';
        let last = '';
        const controller = new AbortController();
        const polling = (async () => {
          while (!controller.signal.aborted) {
            const response = await fetch(`${gate.database}/_changes?feed=longpoll&heartbeat=10000&since=${since}`, {
              headers: { authorization: `Bearer ${gate.token(username)}` },
              signal: controller.signal,
            });
            const body = (await response.json()) as { results: { changes: { rev: string }[] }[]; last_seq: string };
            known = body.results[0]?.changes[0]?.rev ?? known;
            since = body.last_seq;
          }
        })().catch(() => undefined);
        for (const each of [...steps, 'write']) {
          if (each === 'write') last = await editDirectly(username);
          if (each === 'yield') await new Promise((resolve) => setImmediate(resolve));
          if (each === 'turn') await gate.request(username, '/');
        }
        await eventually(() => known === last);
        controller.abort();
        await polling;
      }),
      { numRuns: 25 },
    );
  });
});

describe('cost', () => {
  it('any number of waiters share one upstream feed, and disconnected clients are released', async () => {
    const names = Array.from({ length: 40 }, (_, n) => `many${n}`);
    const lives = await Promise.all(names.map((name) => openLive(name, 'feed=continuous&since=now&heartbeat=10000')));
    expect(gate.pouchgate.hub.size).toBe(40);
    const before = gate.upstreamRequests.length;
    await editDirectly('many7');
    await eventually(() => lives[7]?.text() !== '');
    const feeds = gate.upstreamRequests.filter(
      ({ url }) => url.startsWith(`/${gate.upstream.names.registry}/_changes?`) && url.includes('feed=continuous'),
    );
    expect(feeds).toHaveLength(1);
    // Only the edit's own read and write: waiters cause no upstream request.
    expect(gate.upstreamRequests.slice(before).map(({ method }) => method)).toEqual(['GET', 'POST']);
    for (const live of lives) live.abort();
    await eventually(() => gate.pouchgate.hub.size === 0);
  });

  it('a state has the same token on every gate of a database, and after a restart', async () => {
    const upstream = await startTestUpstream();
    const [one, other] = [await startTestGate({}, { upstream }), await startTestGate({}, { upstream })];
    const before = await tokenOf('same', one);
    expect(before).toMatch(/^1-[0-9a-f]{32}$/);
    expect(await tokenOf('same', other)).toBe(before);
    await other.restart();
    expect(await tokenOf('same', other)).toBe(before);
    const waiting = other.request('same', `/_changes?feed=longpoll&heartbeat=10000&since=${before}`);
    const edit = await one.request('same', '/user_same');
    const { _rev: rev, ...document } = (await edit.json()) as { _rev: string };
    const body = { ...document, preferences: { theme: 'dark' } };
    expect((await one.request('same', `/user_same?rev=${rev}`, { method: 'PUT', body })).status).toBe(201);
    const { last_seq: token } = (await (await waiting).json()) as { last_seq: string };
    expect(token).toBe(await tokenOf('same', one));
    await Promise.all([one.close(), other.close()]);
    await upstream.close();
  });
});
