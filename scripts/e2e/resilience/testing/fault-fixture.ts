import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { createPeer, waitForIdle, type Peer } from '../../../../server/testing/pouchdb-peer.ts';
import {
  startLiveClient,
  sumCounts,
  type LiveClient,
  type LiveCounts,
} from '../../../../server/testing/live-client.ts';
import { connect, statusOf } from '../../../../server/upstream/client.ts';
import { neverRespond, stalled } from '../../../../server/testing/database-faults.ts';
import { startProxiedGate, type ProxiedGate } from '../../../../server/testing/faulty-database-proxy.ts';
import { newTestNames, type TestNames, type TestUpstream } from '../../../../server/testing/test-database.ts';
import { eventually } from '../../../../server/testing/fake-couchdb.ts';

/**
 * What the tests share that break the upstream under a whole gate: some dozens of live clients of several users, a real
 * PouchDB among them, whose one question afterwards is whether each was told the final leaves of its own document.
 */
export interface FaultFixture {
  readonly proxied: ProxiedGate;
  /** The raw ones: longpolls, a continuous feed, an eventsource. */
  readonly clients: readonly LiveClient[];
  readonly peer: Peer;
  /** How many live requests the gate has when all are parked. */
  readonly liveRequestCount: number;
  /** What the databases are called, before there are any. */
  readonly names: TestNames;
  /** What is behind the front, past all faults. */
  upstream: TestUpstream;
  /** So many edits, straight into the database. */
  writeEdits(count: number): Promise<void>;
  /** Edits, some fifty a second, until it is called what this returns; resolves with their number. */
  startWriting(): () => Promise<number>;
  /**
   * Resolves once each client was told the final leaves of its own document, those of `more` too, and all are parked;
   * rejects after `most` ms.
   */
  waitForConvergence(most?: number, more?: readonly LiveClient[]): Promise<void>;
  /** What has happened since this was called. */
  startMeasuring(): () => Measurements;
  /** The upstream accepts and says nothing from now on, on connections that are open too. */
  hangUpstream(): void;
  /** The front has no fault any more. */
  clearFaults(): void;
  /** Loses every connection to the upstream, and resolves once the gate knows that the registry's feed is gone. */
  disconnectFeeds(): Promise<void>;
  /** Resolves once the registry's feed was asked for so many times since the mark; holds the times against what is no hot loop. */
  waitForFeedAttempts(since: () => Measurements, count: number): Promise<void>;
  /** Whether the gate says of itself that it is ready. */
  readonly isReady: () => Promise<boolean>;
}

export interface Measurements {
  /** In ms. */
  readonly elapsedMs: number;
  /** Of the raw clients, summed up. */
  readonly clientCounts: LiveCounts;
  /** Requests of the PouchDB. */
  readonly peerRequestCount: number;
  /** `METHOD url` of each request that reached the front. */
  readonly upstreamRequests: readonly string[];
}

const USERNAMES = Array.from({ length: 8 }, (_, n) => `fault${n}`);
const LONGPOLLS_PER_USER = 4;
/** Every so many writes makes a branch, which changes the leaves and neither the winner nor the highest generation. */
const WRITES_PER_BRANCH = 5;
/** Between two writes, in ms: the pace of the load, not a wait for anything. */
const WRITE_INTERVAL_MS = 20;
/** So many writes at the least, and one more, go on while a fault lasts. */
const MIN_WRITES = 10;

/** The upstream feed's heartbeat, in ms: 2.5 of these without a byte, and a feed counts as dead. */
export const HEARTBEAT_MS = 400;

/** How often a feed was asked for, or, as comes before it, its database's sequence. */
function countAttempts(database: string, { upstreamRequests }: Measurements): number {
  const [info, feed] = [`GET /${database}`, `GET /${database}/_changes?feed=continuous`];
  const asked = upstreamRequests.filter((request) => request === info || request.startsWith(feed));
  // Where both were asked for they are one attempt.
  return asked.filter((request, n) => request === info || asked[n - 1] !== info).length;
}

/** The most attempts that waits of 50, 100, 200 … 2,500 ms leave time for: the shortest that jitter can make them. */
function maxAttempts(elapsedMs: number): number {
  let attempts = 1;
  for (let [delayMs, totalMs] = [50, 50]; totalMs < elapsedMs; totalMs += delayMs) {
    attempts += 1;
    delayMs = Math.min(delayMs * 2, 2_500);
  }
  return attempts + 1;
}

/** Call it once in a test file: it starts the gate and its clients before the tests, and ends them afterwards. */
export function setUpFaultFixture(): FaultFixture {
  const names = newTestNames();
  let proxied: ProxiedGate;
  let upstream: TestUpstream;
  let peer: Peer;
  const clients: LiveClient[] = [];
  let writes = 0;
  let writing: { readonly over: AbortController; readonly done: Promise<void> } | undefined;

  const peerUsername = USERNAMES[2] ?? '';
  const liveRequestCount = USERNAMES.length * LONGPOLLS_PER_USER + 3;
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
    const { _rev: rev, ...document } = await registry.get(idOf(USERNAMES[writes % USERNAMES.length] ?? ''));
    const edited = { ...document, preferences: { theme: randomBytes(4).toString('hex') } };
    writes += 1;
    if (writes % WRITES_PER_BRANCH > 0) await registry.insert({ ...edited, _rev: rev });
    else
      await registry.bulk({
        docs: [{ ...edited, _rev: `1-${randomBytes(16).toString('hex')}` }],
        new_edits: false,
      });
  };
  const peerHasLeaves = async (leaves: readonly string[]): Promise<boolean> => {
    const known = await peer.local.get(idOf(peerUsername), { open_revs: [...leaves] });
    return known.every((each) => 'ok' in each);
  };

  const stopWriting = async (): Promise<void> => {
    writing?.over.abort();
    await writing?.done;
    writing = undefined;
  };

  beforeAll(async () => {
    proxied = await startProxiedGate({ heartbeat: HEARTBEAT_MS, names });
    fixture.upstream = proxied.upstream;
    const { gate } = proxied;
    const start = (username: string, feed: LiveClient['feed']): number =>
      clients.push(startLiveClient({ database: gate.database, token: gate.token(username), username, feed }));
    for (const username of USERNAMES) for (let n = 0; n < LONGPOLLS_PER_USER; n += 1) start(username, 'longpoll');
    start(USERNAMES[0] ?? '', 'continuous');
    start(USERNAMES[1] ?? '', 'eventsource');
    peer = createPeer({ database: gate.database, token: () => gate.token(peerUsername) });
    void peer.sync({ back_off_function: (wait: number) => Math.min(Math.max(wait * 2, 100), 1_000) });
    await waitForIdle(peer);
    await fixture.waitForConvergence();
  });
  afterEach(async () => {
    fixture.clearFaults();
    await stopWriting();
    await fixture.waitForConvergence(20_000);
  });
  afterAll(async () => {
    for (const client of clients) client.close();
    await peer.close();
    await proxied.close();
  });

  const fixture: FaultFixture = {
    get proxied() {
      return proxied;
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
    liveRequestCount,
    writeEdits: async (count) => {
      for (let n = 0; n < count; n += 1) await writeOne();
    },
    startWriting: () => {
      const before = writes;
      const over = new AbortController();
      const write = async (): Promise<void> => {
        while (!over.signal.aborted) {
          await writeOne();
          await delay(WRITE_INTERVAL_MS);
        }
      };
      writing = { over, done: write() };
      return async () => {
        // However slow the machine is: a fault is worth something only when there was something to lose in it.
        await eventually(() => writes - before > MIN_WRITES, 10_000);
        await stopWriting();
        return writes - before;
      };
    },
    waitForConvergence: async (timeoutMs = 10_000, extraClients = []) => {
      const leaves = new Map(await Promise.all(USERNAMES.map(idOf).map(leavesOf)));
      // PouchDB has more to ask once it has a revision, so it counts as settled when it has asked nothing for some rounds.
      let [asked, rounds] = [0, 0];
      const isPeerSettled = (): boolean => {
        rounds = peer.inFlightCount() === 0 && peer.requests.length === asked ? rounds + 1 : 0;
        asked = peer.requests.length;
        return rounds > 10;
      };
      const findMismatch = ({ username, feed, leaves: known, ids, parked }: LiveClient): readonly string[] => {
        const expected = leaves.get(idOf(username))?.join() ?? '';
        if (!parked) return [`a ${feed} of ${username} is not parked`];
        if ([...ids].join() !== idOf(username)) return [`a ${feed} of ${username} was told of ${[...ids].join()}`];
        return known.join() === expected
          ? []
          : [`a ${feed} of ${username} knows ${known.join()}, and there is ${expected}`];
      };
      const findMismatches = async (): Promise<readonly string[]> => {
        const { size } = proxied.gate.pouchgate.hub;
        return [
          ...[...clients, ...extraClients].flatMap(findMismatch),
          ...((await peerHasLeaves(leaves.get(idOf(peerUsername)) ?? [])) ? [] : ['PouchDB has not all leaves']),
          ...(size === liveRequestCount + extraClients.length
            ? []
            : [`${size} wait in the hub, in place of ${liveRequestCount + extraClients.length}`]),
          ...(isPeerSettled() ? [] : ['PouchDB goes on asking']),
        ];
      };
      let mismatches: readonly string[] = [];
      await eventually(async () => (mismatches = await findMismatches()).length === 0, timeoutMs).catch(
        (error: unknown) => {
          throw new Error(mismatches.join('\n'), { cause: error });
        },
      );
    },
    startMeasuring: () => {
      const begun = performance.now();
      const [before, peerBefore, upstreamBefore] = [
        sumCounts(clients),
        peer.requests.length,
        proxied.proxy.requests.length,
      ];
      return () => {
        const now = sumCounts(clients);
        for (const key of Object.keys(now) as (keyof LiveCounts)[]) now[key] -= before[key];
        return {
          elapsedMs: performance.now() - begun,
          clientCounts: now,
          peerRequestCount: peer.requests.length - peerBefore,
          upstreamRequests: proxied.proxy.requests.slice(upstreamBefore),
        };
      };
    },
    hangUpstream: () => {
      proxied.proxy.fault = neverRespond();
      proxied.proxy.transform = stalled;
    },
    clearFaults: () => {
      proxied.proxy.fault = undefined;
      proxied.proxy.transform = undefined;
    },
    disconnectFeeds: async () => {
      const { hub } = proxied.gate.pouchgate;
      // The waits between attempts are short again once the feed was up for a heartbeat; so they all begin with the first.
      let upSince = Infinity;
      await eventually(() => {
        upSince = hub.connected ? Math.min(upSince, performance.now()) : Infinity;
        return performance.now() - upSince > 1.5 * HEARTBEAT_MS;
      });
      proxied.proxy.dropConnections();
      await eventually(() => !hub.connected);
    },
    waitForFeedAttempts: async (since, count) => {
      const { hub } = proxied.gate.pouchgate;
      await eventually(() => countAttempts(names.registry, since()) >= count, 20_000);
      const now = since();
      for (const database of [names.registry, names.sessions]) {
        // Readiness asks about the registry too, once a second at the most.
        const probes = database === names.registry ? 1 + now.elapsedMs / 1_000 : 0;
        expect(countAttempts(database, now)).toBeLessThanOrEqual(maxAttempts(now.elapsedMs) + probes);
      }
      // Who was told something by a feed that came up for a moment is just asking again.
      await eventually(() => hub.size === liveRequestCount);
    },
    isReady: async () => (await fetch(`${proxied.gate.url}/readyz`)).status === 200,
  };
  return fixture;
}
