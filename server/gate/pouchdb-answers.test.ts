import type { IncomingMessage } from 'node:http';
import { parseUsername, type Username } from '../../couchdb-design/user-document.ts';
import {
  answering,
  BAD_ANSWERS,
  breaking,
  startFrontedGate,
  type Fault,
  type FrontedGate,
} from '../upstream/front-kit.ts';
import { createPeer, edit, preference, settled, SHORT_BACK_OFF, type Peer, type PeerOptions } from './pouchdb-kit.ts';
import { eventually } from '../upstream/upstream-kit.ts';

/**
 * What PouchDB does with an answer, row by row of what was measured of it, and that the gate is on the safe side: it
 * never gives the answer that ends a sync for good, makes it loop, or loses a write, unless that is what is meant.
 */

let fronted: FrontedGate;
beforeAll(async () => {
  fronted = await startFrontedGate();
});
afterAll(() => fronted.close());

const peers: Peer[] = [];
afterEach(async () => {
  fronted.front.fault = undefined;
  await Promise.all(peers.splice(0).map((peer) => peer.close()));
});

let users = 0;
const newUser = (): Username => {
  const name = parseUsername(`u${(users += 1)}`);
  if (name === undefined) throw new Error('not a username');
  return name;
};

function open(username: string, options: Partial<PeerOptions> = {}): Peer {
  const { gate } = fronted;
  const peer = createPeer({ database: gate.database, token: () => gate.token(username), ...options });
  peers.push(peer);
  return peer;
}

const named = (peer: Peer, name: string): unknown[] =>
  peer.events.filter((event) => event.name === name).map(({ value }) => value);
const sent = (peer: Peer, part: string): number => peer.requests.filter((request) => request.includes(part)).length;

/** A peer that is in sync and waits for changes in a longpoll. */
async function live(username: string, options: Partial<PeerOptions> = {}): Promise<Peer> {
  const peer = open(username, options);
  void peer.sync(SHORT_BACK_OFF);
  await settled(peer);
  return peer;
}

const inRegistry = async (username: string, key: string): Promise<unknown> => {
  const document = (await fronted.registry().get(`user_${username}`)) as never as {
    preferences: Record<string, unknown>;
  };
  return document.preferences[key];
};

/** An edit that another device made. */
async function editElsewhere(username: string, preferences: object): Promise<void> {
  const document = await fronted.registry().get(`user_${username}`);
  await fronted.registry().insert({ ...document, preferences } as never);
}

const isFeed = ({ url = '' }: IncomingMessage): boolean => url.includes('feed=continuous');
const concerns =
  (part: string) =>
  ({ url = '' }: IncomingMessage): boolean =>
    url.includes(part);
const timed = async <T>(work: Promise<T>): Promise<{ value: T; ms: number }> => {
  const begun = performance.now();
  const value = await work;
  return { value, ms: performance.now() - begun };
};

describe('_changes 401 or 403: one error event, and the sync stops for good', () => {
  const stopsOnce = async (peer: Peer): Promise<void> => {
    await eventually(() => named(peer, 'error').length > 0);
    const told = peer.answers.filter(({ request }) => request.includes('_changes'));
    expect(told.filter(({ status }) => status === 401)).toHaveLength(1);
    expect(told.at(-1)?.status).toBe(401);
    expect(told.slice(0, -1).every(({ status }) => status === 200)).toBe(true);
    expect(named(peer, 'error')).toMatchObject([{ name: 'unauthorized', status: 401 }]);
  };

  it('is what a token that is over leads to, after the longpoll has ended held and empty', async () => {
    const username = newUser();
    const token = fronted.gate.token(username, { exp: Math.floor(Date.now() / 1000) + 3 });
    await stopsOnce(await live(username, { token: () => token }));
  });

  it('is what the end of a session leads to', async () => {
    const username = newUser();
    const { sessions } = fronted.gate.pouchgate.identity;
    const { session } = await sessions.start(username, 'a device');
    const peer = await live(username, { token: () => fronted.gate.token(username, { sid: session.id }) });
    await sessions.end(username, session.id);
    await stopsOnce(peer);
  });

  it('is what the suspension of an account leads to', async () => {
    const username = newUser();
    const peer = await live(username);
    await fronted.gate.pouchgate.identity.accounts.suspend(username);
    await stopsOnce(peer);
  });

  it('is what a token that was over from the start leads to, without a loop', async () => {
    const username = newUser();
    const peer = open(username, { token: () => fronted.gate.token(username, { exp: 1 }) });
    void peer.sync(SHORT_BACK_OFF);
    await eventually(() => named(peer, 'error').length > 0);
    expect(named(peer, 'error')).toMatchObject([{ name: 'unauthorized' }]);
    expect(peer.requests.length).toBeLessThan(12);
  });

  it('never comes of a state of the upstream: its 401 and 403 are 502, PouchDB waits and goes on', async () => {
    for (const status of ['401', '403'] as const) {
      const username = newUser();
      const peer = await live(username);
      fronted.front.fault = BAD_ANSWERS[status]((request) => !isFeed(request));
      await edit(peer.local, `user_${username}`, { theme: 'dark' });
      const late = open(username);
      void late.sync(SHORT_BACK_OFF);
      for (const each of [peer, late]) await eventually(() => each.answers.some((answer) => answer.status === 502));
      fronted.front.fault = undefined;
      await eventually(async () => (await preference(late.local, `user_${username}`, 'theme')) === 'dark');
      expect([...named(peer, 'error'), ...named(late, 'error')]).toEqual([]);
    }
  });
});

describe('_changes 401 with any other name, 400, 429, a redirect: retried for ever', () => {
  it('no 401 has another name, whatever is wrong with the token', async () => {
    const { gate } = fronted;
    const tokens = ['', 'Bearer', 'Bearer x.y.z', 'Basic YTpi', `Bearer ${gate.token('a', { exp: 1 })}`, 'Bearer é'];
    for (const authorization of tokens) {
      const headers = authorization === '' ? {} : { authorization: encodeURI(authorization).replace('%20', ' ') };
      for (const path of ['/_changes', '/_changes?feed=longpoll', '/', '/_local/x']) {
        const response = await fetch(`${gate.database}${path}`, { headers });
        expect([response.status, await response.json()]).toMatchObject([401, { error: 'unauthorized' }]);
      }
    }
  });

  it('no query of _changes is a 400: what is not understood is as if it were not there', async () => {
    const queries = [
      'since=garbage',
      'since=',
      'since=-1',
      'limit=-1',
      'limit=x',
      'heartbeat=x',
      'timeout=x',
      'feed=x',
    ];
    for (const query of [...queries, 'style=x', 'filter=nobody/knows', 'descending=x', 'seq_interval=x', 'since=%00']) {
      const response = await fronted.gate.request('queries', `/_changes?${query}`);
      expect([query, response.status]).toEqual([query, 200]);
    }
  });

  it.each(Object.keys(BAD_ANSWERS) as (keyof typeof BAD_ANSWERS)[])(
    'an upstream that answers %s is 502 or 503, and the sync goes on when it is well again',
    async (name) => {
      const username = newUser();
      const peer = await live(username);
      await goesOnAfter(
        username,
        peer,
        BAD_ANSWERS[name]((request) => !isFeed(request)),
      );
    },
  );

  it('an upstream that is down is 503, and the sync goes on when it is back', async () => {
    const username = newUser();
    const peer = await live(username);
    const broken = goesOnAfter(username, peer, breaking());
    fronted.front.cut();
    await broken;
  });

  async function goesOnAfter(username: string, peer: Peer, fault: Fault): Promise<void> {
    fronted.front.fault = fault;
    const response = await fronted.gate.request(username, '/_changes?since=x');
    expect([502, 503]).toContain(response.status);
    expect(await response.json()).toEqual({
      error: response.status === 502 ? 'bad_gateway' : 'service_unavailable',
      reason: expect.any(String) as string,
    });
    const before = peer.answers.length;
    await edit(peer.local, `user_${username}`, { theme: 'light' });
    await eventually(() => peer.answers.slice(before).filter(({ status }) => status > 500).length > 1);
    expect(peer.answers.slice(before).every(({ status }) => status === 200 || status > 500)).toBe(true);
    fronted.front.fault = undefined;
    await eventually(async () => (await inRegistry(username, 'theme')) === 'light');
    await editElsewhere(username, { theme: 'dark' });
    await eventually(async () => (await preference(peer.local, `user_${username}`, 'theme')) === 'dark');
    expect(named(peer, 'error')).toEqual([]);
  }
});

describe('a longpoll ended at once with an empty result: a hot loop', () => {
  it('no query makes an empty longpoll end in under a second', async () => {
    const { gate } = fronted;
    const info = (await (await gate.request('held', '/')).json()) as { update_seq: string };
    const queries = ['timeout=0', 'timeout=1', 'timeout=999', 'timeout=-1&heartbeat=1', 'heartbeat=0&timeout=1'];
    const more = [
      'heartbeat=false&timeout=1',
      'limit=0&timeout=1',
      'limit=1&timeout=10',
      'TIMEOUT=1',
      'timeout=1&timeout=0',
    ];
    await Promise.all(
      [...queries, ...more].map(async (query) => {
        const path = `/_changes?feed=longpoll&since=${info.update_seq}&${query}`;
        const signal = AbortSignal.timeout(1_600);
        const held = timed(
          fetch(`${gate.database}${path}`, { headers: { authorization: `Bearer ${gate.token('held')}` }, signal }).then(
            (response) => response.text(),
          ),
        );
        const { value, ms } = await held.catch(() => ({ value: 'still held', ms: Infinity }));
        expect(ms).toBeGreaterThanOrEqual(1_000);
        if (value !== 'still held') expect(JSON.parse(value)).toMatchObject({ results: [], last_seq: info.update_seq });
      }),
    );
  });

  it('a token that is over in a moment still ends a longpoll held and empty', async () => {
    const { gate } = fronted;
    const info = (await (await gate.request('moment', '/')).json()) as { update_seq: string };
    const exp = Math.ceil(Date.now() / 1000 + 0.05);
    const { value, ms } = await timed(
      gate.request('moment', `/_changes?feed=longpoll&heartbeat=10000&since=${info.update_seq}`, {
        headers: { authorization: `Bearer ${gate.token('moment', { exp })}` },
      }),
    );
    const body = await timed(value.text());
    expect(value.status).toBe(200);
    expect(ms + body.ms).toBeGreaterThanOrEqual(1_000);
    expect(JSON.parse(body.value)).toEqual({ results: [], last_seq: info.update_seq, pending: 0 });
  });

  it('a client that forgets what it was told, and always asks from the start, is slowed down', async () => {
    const end = performance.now() + 2_500;
    let answers = 0;
    while (performance.now() < end) {
      const response = await fronted.gate.request('forgetful', '/_changes?feed=longpoll&since=0');
      expect(await response.json()).toMatchObject({ results: [{ id: 'user_forgetful' }] });
      answers += 1;
    }
    // Twenty at once in each second at the most; with the last one's wait there are four seconds in it.
    expect(answers).toBeLessThanOrEqual(4 * 21);
  });
});

describe('a longpoll held, then empty: PouchDB reconnects', () => {
  it('without an event, some once a second, and hears of the next change', async () => {
    const username = newUser();
    const peer = open(username);
    void peer.sync({ ...SHORT_BACK_OFF, heartbeat: false, timeout: 1_000 });
    await eventually(() => sent(peer, 'feed=longpoll') >= 3);
    await editElsewhere(username, { theme: 'dark' });
    await eventually(async () => (await preference(peer.local, `user_${username}`, 'theme')) === 'dark');
    expect(named(peer, 'error')).toEqual([]);
    expect(peer.answers.every(({ status }) => status < 400 || status === 404)).toBe(true);
    expect(peer.requests.length).toBeLessThan(40);
  });
});

describe('a longpoll cut: backoff, then the whole handshake again', () => {
  it('a feed that is cut upstream, even often, cuts no longpoll, and nothing is missed', async () => {
    const username = newUser();
    const peer = await live(username);
    const { hub } = fronted.gate.pouchgate;
    await eventually(() => sent(peer, 'feed=longpoll') === hub.size);
    const before = sent(peer, '_changes');
    for (let round = 0; round < 3; round += 1) {
      fronted.front.cut();
      await eventually(() => !hub.up);
      await eventually(() => hub.up);
    }
    expect(sent(peer, '_changes')).toBe(before);
    fronted.front.fault = breaking(isFeed);
    fronted.front.cut();
    await eventually(() => !hub.up);
    await editElsewhere(username, { theme: 'dark' });
    fronted.front.fault = undefined;
    await eventually(async () => (await preference(peer.local, `user_${username}`, 'theme')) === 'dark');
    expect(named(peer, 'error')).toEqual([]);
  });
});

describe('GET / 403, GET {db}/ 401, 403, 404 or {}: harmless', () => {
  it('the root is answered to everybody, and the same after a restart, or every sync would begin anew', async () => {
    const { gate } = fronted;
    const root = async (): Promise<unknown> =>
      (await fetch(`${gate.url}/sync/`, { headers: { authorization: 'Bearer nonsense' } })).json();
    const before = await root();
    expect(before).toMatchObject({ uuid: expect.stringMatching(/^[0-9a-f]{32}$/) as string });
    await gate.restart();
    expect(await root()).toEqual(before);
  });
});

describe('_local 401 or 403: the sync stops; 405 or 429: an endless loop', () => {
  it("an upstream's 401 or 403 about a checkpoint is 502, and the sync goes on", async () => {
    for (const status of ['401', '403', '429'] as const) {
      const username = newUser();
      fronted.front.fault = BAD_ANSWERS[status](concerns('_local'));
      const peer = open(username);
      void peer.sync(SHORT_BACK_OFF);
      await eventually(
        () => peer.answers.filter((answer) => answer.request.includes('_local') && answer.status > 500).length > 1,
      );
      fronted.front.fault = undefined;
      await eventually(async () => (await peer.local.info()).doc_count === 1);
      expect(named(peer, 'error')).toEqual([]);
    }
  });

  it('a checkpoint may be read, written and deleted, however often and by whatever name PouchDB gives it', async () => {
    const { gate } = fronted;
    const path = `/_local/${encodeURIComponent('aB3.x_y==')}`;
    let rev: string | undefined;
    for (let n = 0; n < 40; n += 1) {
      const response = await gate.request('cp', path, { method: 'PUT', body: { _rev: rev, last_seq: n } });
      expect(response.status).toBe(201);
      ({ rev } = (await response.json()) as { rev: string });
    }
    expect((await gate.request('cp', path, { method: 'HEAD' })).status).toBe(200);
    expect((await gate.request('cp', `${path}?rev=${rev ?? ''}`, { method: 'DELETE' })).status).toBe(200);
    expect((await gate.request('cp', path)).status).toBe(404);
  });
});

describe('_bulk_get', () => {
  it('the first one fails: PouchDB falls back to GET with open_revs, and that is answered too', async () => {
    const username = newUser();
    // PouchDB remembers by origin and path whether there is a _bulk_get; by this name it has not asked yet.
    const peer = open(username, { database: fronted.gate.database.replace('127.0.0.1', 'localhost') });
    fronted.front.fault = BAD_ANSWERS['500'](concerns('_bulk_get'));
    void peer.sync(SHORT_BACK_OFF);
    await eventually(async () => (await peer.local.info()).doc_count === 1);
    expect(sent(peer, 'open_revs=')).toBeGreaterThan(0);
    fronted.front.fault = undefined;
    await editElsewhere(username, { theme: 'dark' });
    await eventually(async () => (await preference(peer.local, `user_${username}`, 'theme')) === 'dark');
  });

  it.each([400, 403, 404, 401])(
    'a later one that the upstream answers %i is 502, and the sync goes on',
    async (status) => {
      const username = newUser();
      const peer = await live(username);
      await eventually(async () => (await peer.local.info()).doc_count === 1);
      fronted.front.fault = answering(status, '{"error":"forbidden","reason":"x"}')(concerns('_bulk_get'));
      await editElsewhere(username, { theme: 'dark' });
      await eventually(() =>
        peer.answers.some((answer) => answer.request.includes('_bulk_get') && answer.status === 502),
      );
      fronted.front.fault = undefined;
      await eventually(async () => (await preference(peer.local, `user_${username}`, 'theme')) === 'dark');
      expect(named(peer, 'error')).toEqual([]);
    },
  );

  it('has no error row for what _changes has told: every leaf can be read, deleted ones too', async () => {
    const { gate } = fronted;
    const username = newUser();
    const { _rev: root, ...document } = (await (await gate.request(username, `/user_${username}`)).json()) as {
      _rev: string;
    };
    const child = (n: number, more: object = {}): object => {
      const hex = n.toString(16).padStart(32, '0');
      return { ...document, _rev: `2-${hex}`, _revisions: { start: 2, ids: [hex, root.slice(2)] }, ...more };
    };
    const docs = [child(1), child(2), child(3)];
    const gone = {
      _id: `user_${username}`,
      _rev: `3-${'4'.repeat(32)}`,
      _revisions: { start: 3, ids: ['4'.repeat(32), (1).toString(16).padStart(32, '0'), root.slice(2)] },
      _deleted: true,
    };
    for (const batch of [docs, [gone]]) {
      const body = { docs: batch, new_edits: false };
      expect(await (await gate.request(username, '/_bulk_docs', { method: 'POST', body })).json()).toEqual([]);
    }
    const changes: unknown = await (await gate.request(username, '/_changes?style=all_docs')).json();
    const leaves = (changes as { results: { changes: { rev: string }[] }[] }).results[0]?.changes ?? [];
    expect(leaves).toHaveLength(3);
    const asked = { docs: leaves.map(({ rev }) => ({ id: `user_${username}`, rev })) };
    const path = '/_bulk_get?revs=true&latest=true';
    const told: unknown = await (await gate.request(username, path, { method: 'POST', body: asked })).json();
    expect(told).toMatchObject({
      results: leaves.map(({ rev }) => ({ id: `user_${username}`, docs: [{ ok: { _rev: rev } }] })),
    });
  });
});
