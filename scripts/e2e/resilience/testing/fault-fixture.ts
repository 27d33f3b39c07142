import { MAX_WAIT_MS, scaleMs } from '../../../../couchdb-design/testing/patience.ts';
import { createPeer, waitForIdle, type Peer } from '../../../../server/testing/pouchdb-peer.ts';
import {
  startLiveClient,
  sumCounts,
  type LiveClient,
  type LiveCounts,
} from '../../../../server/testing/live-client.ts';
import { neverRespond, stalled } from '../../../../server/testing/database-faults.ts';
import { startProxiedGate, type ProxiedGate } from '../../../../server/testing/faulty-database-proxy.ts';
import { newTestNames, type TestNames, type TestUpstream } from '../../../../server/testing/test-database.ts';
import { eventually } from '../../../../server/testing/fake-couchdb.ts';
import { countAttempts, maxAttempts, type Measurements } from './feed-attempts.ts';
import { idOf, RegistryAccess, USERNAMES } from './registry-access.ts';

/**
 * Fixture of the tests with upstream faults: a gate with dozens of live clients of several users, including a real PouchDB.
 * After each test, it verifies that each client has received the final leaves of its own document.
 */
export interface FaultFixture {
  readonly proxied: ProxiedGate;
  /** The HTTP clients: longpolls, a continuous feed, an eventsource. */
  readonly clients: readonly LiveClient[];
  readonly peer: Peer;
  /** Number of live requests to the gate when all clients wait. */
  readonly liveRequestCount: number;
  /** Names of the databases, known before they exist. */
  readonly names: TestNames;
  /** The upstream behind the proxy, without its faults. */
  upstream: TestUpstream;
  /** Writes edits directly to the database. */
  writeEdits(count: number): Promise<void>;
  /** Writes about fifty edits a second until the returned function is called, which resolves with their number. */
  startWriting(): () => Promise<number>;
  /**
   * Resolves once each client, `extraClients` included, waits and has received the final leaves of its own document. Those
   * in `leavingClients` need not: the gate refuses them when it reads their sessions. Rejects after `timeoutMs`.
   */
  waitForConvergence(
    extraClients?: readonly LiveClient[],
    timeoutMs?: number,
    leavingClients?: readonly LiveClient[],
  ): Promise<void>;
  /** Returns a function that returns the measurements since this call. */
  startMeasuring(): () => Measurements;
  /** Makes the upstream accept requests without responding, on open connections as well. */
  hangUpstream(): void;
  /** Removes all faults from the proxy. */
  clearFaults(): void;
  /** Closes every connection to the upstream. Resolves once the gate has detected the loss of the registry's feed. */
  disconnectFeeds(): Promise<void>;
  /** Resolves once the registry's feed was requested this often, and verifies that the gate backs off. */
  waitForFeedAttempts(since: () => Measurements, count: number): Promise<void>;
  /** Resolves with whether the gate reports that it is ready. */
  readonly isReady: () => Promise<boolean>;
}

const LONGPOLLS_PER_USER = 4;
/** Heartbeat of the upstream feeds, in ms. After 2.5 heartbeats without a byte a feed is dead. */
export const HEARTBEAT_MS = scaleMs(400);

/** Must be called once per test file. Starts the gate and its clients before the tests, and closes them afterwards. */
export function setUpFaultFixture(): FaultFixture {
  const names = newTestNames();
  let proxied: ProxiedGate;
  let upstream: TestUpstream;
  let peer: Peer;
  const clients: LiveClient[] = [];
  const peerUsername = USERNAMES[2] ?? '';
  const liveRequestCount = USERNAMES.length * LONGPOLLS_PER_USER + 3;
  const registry = new RegistryAccess(() => upstream);

  const peerHasLeaves = async (leaves: readonly string[]): Promise<boolean> => {
    const rows = await peer.local.get(idOf(peerUsername), { open_revs: [...leaves] });
    return rows.every((row) => 'ok' in row);
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
    await registry.stopWriting();
    await fixture.waitForConvergence();
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
    },
    clients,
    liveRequestCount,
    writeEdits: (count) => registry.writeEdits(count),
    startWriting: () => registry.startWriting(),
    waitForConvergence: async (extraClients = [], timeoutMs = MAX_WAIT_MS, leavingClients = []) => {
      const readLeaves = async (): Promise<ReadonlyMap<string, readonly string[]>> =>
        new Map(await Promise.all(USERNAMES.map(idOf).map((id) => registry.leavesOf(id))));
      let leaves = await readLeaves();
      // PouchDB sends more requests after it has a revision, so it has settled after some rounds without a request.
      let [requestCount, rounds] = [0, 0];
      const isPeerSettled = (): boolean => {
        rounds = peer.inFlightCount() === 0 && peer.requests.length === requestCount ? rounds + 1 : 0;
        requestCount = peer.requests.length;
        return rounds > 10;
      };
      const findMismatch = ({ username, feed, leaves: received, ids, parked }: LiveClient): readonly string[] => {
        const expected = leaves.get(idOf(username))?.join() ?? '';
        if (!parked) return [`a ${feed} of ${username} is not waiting`];
        if ([...ids].join() !== idOf(username)) return [`a ${feed} of ${username} received ${[...ids].join()}`];
        return received.join() === expected
          ? []
          : [`a ${feed} of ${username} has ${received.join()}, expected ${expected}`];
      };
      const findMismatches = async (): Promise<readonly string[]> => {
        const { size } = proxied.gate.pouchgate.hub;
        const leavingCount = leavingClients.filter(({ parked }) => parked).length;
        const expectedSize = liveRequestCount + extraClients.length + leavingCount;
        return [
          ...[...clients, ...extraClients].flatMap(findMismatch),
          ...((await peerHasLeaves(leaves.get(idOf(peerUsername)) ?? [])) ? [] : ['PouchDB does not have all leaves']),
          ...(size === expectedSize ? [] : [`the hub has ${size} waiters, expected ${expectedSize}`]),
          ...(isPeerSettled() ? [] : ['PouchDB still sends requests']),
        ];
      };
      let mismatches: readonly string[] = [];
      const hasConverged = async (): Promise<boolean> => {
        mismatches = await findMismatches();
        // PouchDB sends a restored database what that has lost, which changes the leaves.
        if (mismatches.length > 0) leaves = await readLeaves();
        return mismatches.length === 0;
      };
      await eventually(hasConverged, timeoutMs).catch((error: unknown) => {
        throw new Error(mismatches.join('\n'), { cause: error });
      });
    },
    startMeasuring: () => {
      const startedAt = performance.now();
      const initialCounts = sumCounts(clients);
      const peerRequestCount = peer.requests.length;
      const upstreamRequestCount = proxied.proxy.requests.length;
      return () => {
        const clientCounts = sumCounts(clients);
        for (const key of Object.keys(clientCounts) as (keyof LiveCounts)[]) clientCounts[key] -= initialCounts[key];
        return {
          elapsedMs: performance.now() - startedAt,
          clientCounts,
          peerRequestCount: peer.requests.length - peerRequestCount,
          upstreamRequests: proxied.proxy.requests.slice(upstreamRequestCount),
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
      // After a heartbeat of a connected feed, the delays between attempts start from the shortest again.
      let connectedAt = Infinity;
      await eventually(() => {
        connectedAt = hub.connected ? Math.min(connectedAt, performance.now()) : Infinity;
        return performance.now() - connectedAt > 1.5 * HEARTBEAT_MS;
      });
      proxied.proxy.dropConnections();
      await eventually(() => !hub.connected);
    },
    waitForFeedAttempts: async (since, count) => {
      const { hub } = proxied.gate.pouchgate;
      await eventually(() => countAttempts(names.registry, since()) >= count);
      const measurements = since();
      const { elapsedMs } = measurements;
      for (const database of [names.registry, names.sessions]) {
        // The readiness check also requests the registry's information, at most once a second.
        const probes = database === names.registry ? 1 + elapsedMs / 1_000 : 0;
        expect(countAttempts(database, measurements)).toBeLessThanOrEqual(maxAttempts(elapsedMs) + probes);
      }
      // A client that received a change from a briefly connected feed is polling again.
      await eventually(() => hub.size === liveRequestCount);
    },
    isReady: async () => (await fetch(`${proxied.gate.url}/readyz`)).status === 200,
  };
  return fixture;
}
