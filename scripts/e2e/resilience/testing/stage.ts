import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { createPeer, settled, type Peer } from '../../../../server/testing/pouchdb-peer.ts';
import { startLiveClient, sumOf, type LiveClient, type LiveCounts } from '../../../../server/testing/live-client.ts';
import { connect, statusOf } from '../../../../server/upstream/client.ts';
import { hanging, silent } from '../../../../server/testing/database-faults.ts';
import { startFrontedGate, type FrontedGate } from '../../../../server/testing/faulty-database-proxy.ts';
import { newTestNames, type TestNames, type TestUpstream } from '../../../../server/testing/test-database.ts';
import { eventually } from '../../../../server/testing/fake-couchdb.ts';

/**
 * What the tests share that break the upstream under a whole gate: some dozens of live clients of several users, a real
 * PouchDB among them, whose one question afterwards is whether each was told the final leaves of its own document.
 */
export interface FaultStage {
  readonly fronted: FrontedGate;
  /** The raw ones: longpolls, a continuous feed, an eventsource. */
  readonly clients: readonly LiveClient[];
  readonly peer: Peer;
  /** How many live requests the gate has when all are parked. */
  readonly live: number;
  /** What the databases are called, before there are any. */
  readonly names: TestNames;
  /** What is behind the front, past all faults. */
  upstream: TestUpstream;
  /** So many edits, straight into the database. */
  write(count: number): Promise<void>;
  /** Edits, some fifty a second, until it is called what this returns; resolves with their number. */
  keepWriting(): () => Promise<number>;
  /**
   * Resolves once each client was told the final leaves of its own document, those of `more` too, and all are parked;
   * rejects after `most` ms.
   */
  everybodyTold(most?: number, more?: readonly LiveClient[]): Promise<void>;
  /** What has happened since this was called. */
  mark(): () => Since;
  /** The upstream accepts and says nothing from now on, on connections that are open too. */
  hang(): void;
  /** The front has no fault any more. */
  heal(): void;
  /** Loses every connection to the upstream, and resolves once the gate knows that the registry's feed is gone. */
  loseFeeds(): Promise<void>;
  /** Resolves once the registry's feed was asked for so many times since the mark; holds the times against what is no hot loop. */
  attempts(since: () => Since, count: number): Promise<void>;
  /** Whether the gate says of itself that it is ready. */
  readonly ready: () => Promise<boolean>;
}

export interface Since {
  /** In ms. */
  readonly time: number;
  /** Of the raw clients, summed up. */
  readonly clients: LiveCounts;
  /** Requests of the PouchDB. */
  readonly peer: number;
  /** `METHOD url` of each request that reached the front. */
  readonly upstream: readonly string[];
}

const USERS = Array.from({ length: 8 }, (_, n) => `fault${n}`);
const LONGPOLLS_EACH = 4;
/** Every so many writes makes a branch, which changes the leaves and neither the winner nor the highest generation. */
const BRANCH_EVERY = 5;
/** Between two writes, in ms: the pace of the load, not a wait for anything. */
const WRITE_PAUSE = 20;
/** So many writes at the least, and one more, go on while a fault lasts. */
const LEAST_WRITES = 10;

/** The upstream feed's heartbeat, in ms: 2.5 of these without a byte, and a feed counts as dead. */
export const HEARTBEAT = 400;

/** How often a feed was asked for, or, as comes before it, its database's sequence. */
function attemptsOf(database: string, { upstream }: Since): number {
  const [info, feed] = [`GET /${database}`, `GET /${database}/_changes?feed=continuous`];
  const asked = upstream.filter((request) => request === info || request.startsWith(feed));
  // Where both were asked for they are one attempt.
  return asked.filter((request, n) => request === info || asked[n - 1] !== info).length;
}

/** The most attempts that waits of 50, 100, 200 … 2,500 ms leave time for: the shortest that jitter can make them. */
function mostAttempts(time: number): number {
  let attempts = 1;
  for (let [wait, passed] = [50, 50]; passed < time; passed += wait) {
    attempts += 1;
    wait = Math.min(wait * 2, 2_500);
  }
  return attempts + 1;
}

/** Call it once in a test file: it starts the gate and its clients before the tests, and ends them afterwards. */
export function setFaultStage(): FaultStage {
  const names = newTestNames();
  let fronted: FrontedGate;
  let upstream: TestUpstream;
  let peer: Peer;
  const clients: LiveClient[] = [];
  let writes = 0;
  let writing: { readonly over: AbortController; readonly done: Promise<void> } | undefined;

  const pouchUser = USERS[2] ?? '';
  const live = USERS.length * LONGPOLLS_EACH + 3;
  const idOf = (username: string): string => `user_${username}`;

  let couch: ReturnType<typeof connect>;

  /** Read from as many copies of a cluster as a write was acknowledged by; `_changes` asks one. */
  const leavesOf = async (id: string): Promise<[string, string[]]> => {
    const request = { db: upstream.names.registry, doc: id, qs: { open_revs: 'all' } };
    const leaves = (await couch.request(request).catch((error: unknown) => {
      if (statusOf(error) === 404) return [];
      throw error;
    })) as { ok: { _rev: string } }[];
    return [id, leaves.map(({ ok }) => ok._rev).sort()];
  };
  const writeOne = async (): Promise<void> => {
    const registry = couch.use(upstream.names.registry);
    // In turn, so that what one client has to catch up with does not hang on chance.
    const { _rev: rev, ...document } = await registry.get(idOf(USERS[writes % USERS.length] ?? ''));
    const edited = { ...document, preferences: { theme: randomBytes(4).toString('hex') } };
    writes += 1;
    if (writes % BRANCH_EVERY > 0) await registry.insert({ ...edited, _rev: rev });
    else
      await registry.bulk({
        docs: [{ ...edited, _rev: `1-${randomBytes(16).toString('hex')}` }],
        new_edits: false,
      });
  };
  const pouchKnows = async (leaves: readonly string[]): Promise<boolean> => {
    const known = await peer.local.get(idOf(pouchUser), { open_revs: [...leaves] });
    return known.every((each) => 'ok' in each);
  };

  const stopWriting = async (): Promise<void> => {
    writing?.over.abort();
    await writing?.done;
    writing = undefined;
  };

  beforeAll(async () => {
    fronted = await startFrontedGate({ heartbeat: HEARTBEAT, names });
    stage.upstream = fronted.upstream;
    const { gate } = fronted;
    const start = (username: string, feed: LiveClient['feed']): number =>
      clients.push(startLiveClient({ database: gate.database, token: gate.token(username), username, feed }));
    for (const username of USERS) for (let n = 0; n < LONGPOLLS_EACH; n += 1) start(username, 'longpoll');
    start(USERS[0] ?? '', 'continuous');
    start(USERS[1] ?? '', 'eventsource');
    peer = createPeer({ database: gate.database, token: () => gate.token(pouchUser) });
    void peer.sync({ back_off_function: (wait: number) => Math.min(Math.max(wait * 2, 100), 1_000) });
    await settled(peer);
    await stage.everybodyTold();
  });
  afterEach(async () => {
    stage.heal();
    await stopWriting();
    await stage.everybodyTold(20_000);
  });
  afterAll(async () => {
    for (const client of clients) client.close();
    await peer.close();
    await fronted.close();
  });

  const stage: FaultStage = {
    get fronted() {
      return fronted;
    },
    get peer() {
      return peer;
    },
    names,
    get upstream() {
      return upstream;
    },
    set upstream(other) {
      upstream = other;
      couch = connect(other.access);
    },
    clients,
    live,
    write: async (count) => {
      for (let n = 0; n < count; n += 1) await writeOne();
    },
    keepWriting: () => {
      const before = writes;
      const over = new AbortController();
      const write = async (): Promise<void> => {
        while (!over.signal.aborted) {
          await writeOne();
          await delay(WRITE_PAUSE);
        }
      };
      writing = { over, done: write() };
      return async () => {
        // However slow the machine is: a fault is worth something only when there was something to lose in it.
        await eventually(() => writes - before > LEAST_WRITES, 10_000);
        await stopWriting();
        return writes - before;
      };
    },
    everybodyTold: async (most = 10_000, more = []) => {
      const leaves = new Map(await Promise.all(USERS.map(idOf).map(leavesOf)));
      // PouchDB has more to ask once it has a revision, so it counts as settled when it has asked nothing for some rounds.
      let [asked, rounds] = [0, 0];
      const settledPeer = (): boolean => {
        rounds = peer.underWay() === 0 && peer.requests.length === asked ? rounds + 1 : 0;
        asked = peer.requests.length;
        return rounds > 10;
      };
      const faultOf = ({ username, feed, leaves: known, ids, parked }: LiveClient): readonly string[] => {
        const wanted = leaves.get(idOf(username))?.join() ?? '';
        if (!parked) return [`a ${feed} of ${username} is not parked`];
        if ([...ids].join() !== idOf(username)) return [`a ${feed} of ${username} was told of ${[...ids].join()}`];
        return known.join() === wanted
          ? []
          : [`a ${feed} of ${username} knows ${known.join()}, and there is ${wanted}`];
      };
      const faultsNow = async (): Promise<readonly string[]> => {
        const { size } = fronted.gate.pouchgate.hub;
        return [
          ...[...clients, ...more].flatMap(faultOf),
          ...((await pouchKnows(leaves.get(idOf(pouchUser)) ?? [])) ? [] : ['PouchDB has not all leaves']),
          ...(size === live + more.length ? [] : [`${size} wait in the hub, in place of ${live + more.length}`]),
          ...(settledPeer() ? [] : ['PouchDB goes on asking']),
        ];
      };
      let faults: readonly string[] = [];
      await eventually(async () => (faults = await faultsNow()).length === 0, most).catch((error: unknown) => {
        throw new Error(faults.join('\n'), { cause: error });
      });
    },
    mark: () => {
      const begun = performance.now();
      const [before, peerBefore, upstreamBefore] = [
        sumOf(clients),
        peer.requests.length,
        fronted.front.requests.length,
      ];
      return () => {
        const now = sumOf(clients);
        for (const key of Object.keys(now) as (keyof LiveCounts)[]) now[key] -= before[key];
        return {
          time: performance.now() - begun,
          clients: now,
          peer: peer.requests.length - peerBefore,
          upstream: fronted.front.requests.slice(upstreamBefore),
        };
      };
    },
    hang: () => {
      fronted.front.fault = hanging();
      fronted.front.pace = silent;
    },
    heal: () => {
      fronted.front.fault = undefined;
      fronted.front.pace = undefined;
    },
    loseFeeds: async () => {
      const { hub } = fronted.gate.pouchgate;
      // The waits between attempts are short again once the feed was up for a heartbeat; so they all begin with the first.
      let upSince = Infinity;
      await eventually(() => {
        upSince = hub.up ? Math.min(upSince, performance.now()) : Infinity;
        return performance.now() - upSince > 1.5 * HEARTBEAT;
      });
      fronted.front.cut();
      await eventually(() => !hub.up);
    },
    attempts: async (since, count) => {
      const { hub } = fronted.gate.pouchgate;
      await eventually(() => attemptsOf(names.registry, since()) >= count, 20_000);
      const now = since();
      for (const database of [names.registry, names.sessions]) {
        // Readiness asks about the registry too, once a second at the most.
        const probes = database === names.registry ? 1 + now.time / 1_000 : 0;
        expect(attemptsOf(database, now)).toBeLessThanOrEqual(mostAttempts(now.time) + probes);
      }
      // Who was told something by a feed that came up for a moment is just asking again.
      await eventually(() => hub.size === live);
    },
    ready: async () => (await fetch(`${fronted.gate.url}/readyz`)).status === 200,
  };
  return stage;
}
