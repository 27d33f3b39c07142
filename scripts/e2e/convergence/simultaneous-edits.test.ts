/**
 * Rounds of edits that a plain PouchDB, a store and REST make at the same time, offline, in one document. Nothing may be refused or
 * lost, and nothing may accumulate on the server.
 *
 *     ROUNDS=1000 npx jest scripts/e2e/convergence/simultaneous-edits.test.ts
 */
import { LOCAL_REVS_LIMIT } from '../../../client/platform/database.ts';
import { scaleMs } from '../../../couchdb-design/testing/patience.ts';
import { nextEditStamp } from '../../../couchdb-design/user-document/edit-stamp.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';
import { createPeer, type Peer } from '../../../server/testing/pouchdb-peer.ts';
import { createDeviceFixture, waitForPreferences, waitForState } from '../testing/device.ts';
import { patchOverRest, readOverRest } from '../testing/preferences-over-rest.ts';

const ROUNDS = Number(process.env['ROUNDS'] ?? 40);
/** In ms, on a quiet machine. */
const MAX_ROUND_MS = 3_000;
/** Beyond this a store in sync replaces its database with the server's document. */
const MAX_LOCAL_LEAVES = 17;
/** Two rounds may add three each before the replacement. */
const MAX_LEAVES_IN_ROUND = MAX_LOCAL_LEAVES + 7;
/** PouchDB's work at a write grows with the conflicts that it keeps, so its database is replaced: see docs/curl.md. */
const MAX_PEER_ROUNDS = 50;

const fixture = createDeviceFixture();

interface Measurement {
  readonly leaves: number;
  /** The leaves in the store's own database, deleted ones included. */
  readonly localLeaves: number;
  /** The revisions of the longest branch in the store's own database. */
  readonly localHistory: number;
  /** Bytes of `_changes` and of `_bulk_get` without paths, which grow with every edit up to `revs_limit`. */
  readonly bytes: number;
  /** Requests of the plain PouchDB in the round. */
  readonly requests: number;
  /** Revisions that the plain PouchDB sends in the round. */
  readonly pushed: number;
  /** How long an edit takes, in ms: by the plain PouchDB, by the store, and by REST. All three begin at once. */
  readonly plainMs: number;
  readonly storeMs: number;
  readonly restMs: number;
  /** The whole round, in ms. */
  readonly ms: number;
}

const least = (rounds: readonly Measurement[], of: keyof Measurement): number =>
  Math.min(...rounds.map((round) => round[of]));

const median = (rounds: readonly Measurement[], of: keyof Measurement): number =>
  rounds.map((round) => round[of]).sort((a, b) => a - b)[Math.floor(rounds.length / 2)] ?? Number.NaN;

const authorization = (username: string): { authorization: string } => ({
  authorization: `Bearer ${fixture.server.token(username)}`,
});

async function fetchText(username: string, path: string, body?: object): Promise<string> {
  const response = await fetch(`${fixture.server.registryUrl}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { ...authorization(username), 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  expect(response.status).toBe(200);
  return response.text();
}

/** Resolves with how long a task takes, in ms. */
async function timeOf(task: Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await task;
  return Math.round(performance.now() - startedAt);
}

/** Edits as an application with a plain PouchDB does that follows docs/curl.md. */
async function editPlainly({ local }: Peer, id: string, values: object): Promise<void> {
  const document = await local.get(id);
  const edits = document['edits'] as Readonly<Record<string, string>>;
  const stamp = nextEditStamp({ now: Date.now(), device: 'plain', seen: Object.values(edits).sort().at(-1) });
  const stamps = Object.fromEntries(Object.keys(values).map((key) => [key, stamp]));
  await local.put({ ...document, preferences: { ...document.preferences, ...values }, edits: { ...edits, ...stamps } });
}

test(
  `${ROUNDS} rounds of simultaneous offline edits: none is refused or lost, and the last costs what the first does`,
  async () => {
    const username = fixture.newUser();
    const id = `user_${username}`;
    const { store, setOffline } = fixture.open(username);
    const { registryUrl, token } = fixture.server;
    const openPeer = (): Peer => createPeer({ database: registryUrl, token: () => token(username) });
    let peer = openPeer();
    const denied: unknown[] = [];
    const syncOnce = async (): Promise<void> => {
      const sync = peer.local.sync(peer.remote);
      void sync.on('denied', (refusal) => denied.push(refusal));
      await sync;
    };
    const measurements: Measurement[] = [];
    await waitForState(store, 'live', 0);
    await syncOnce();

    for (let round = 1; round <= ROUNDS; round += 1) {
      if (round % MAX_PEER_ROUNDS === 0) {
        await peer.close();
        peer = openPeer();
        await syncOnce();
      }
      const startedAt = performance.now();
      const [requestsBefore, pushedBefore] = [peer.requests.length, peer.pushedRowCount()];
      const value = (source: string): string[] => [`${source} ${round}`];
      const expected = {
        selectedTags: value('plain'),
        selectedContexts: value('store'),
        selectedStatus: value('rest'),
      };
      setOffline(true);
      await waitForState(store, 'offline');
      const [plainMs, storeMs, restMs] = await Promise.all([
        timeOf(editPlainly(peer, id, { selectedTags: expected.selectedTags })),
        timeOf(store.set({ selectedContexts: expected.selectedContexts })),
        timeOf(patchOverRest(fixture.server, username, { selectedStatus: expected.selectedStatus })),
      ]);
      setOffline(false);
      await syncOnce();
      await waitForState(store, 'live', 0);
      await waitForPreferences(store, expected);
      await syncOnce();
      expect((await peer.local.get(id)).preferences).toMatchObject(expected);
      expect(await readOverRest(fixture.server, username)).toMatchObject(expected);

      const changes = await fetchText(username, '/_changes?style=all_docs');
      const leaves = (JSON.parse(changes) as { results: [{ changes: { rev: string }[] }] }).results[0].changes;
      const bulkGet = await fetchText(username, '/_bulk_get', { docs: leaves.map(({ rev }) => ({ id, rev })) });
      const local = (await store.inspect()).leaves;
      measurements.push({
        leaves: leaves.length,
        localLeaves: local.length,
        localHistory: Math.max(...local.map(({ _revisions }) => _revisions?.ids.length ?? 0)),
        bytes: changes.length + bulkGet.length,
        requests: peer.requests.length - requestsBefore,
        pushed: peer.pushedRowCount() - pushedBefore,
        plainMs,
        storeMs,
        restMs,
        ms: Math.round(performance.now() - startedAt),
      });
    }

    expect(denied).toEqual([]);
    expect(store.status().refused).toEqual([]);
    expect(measurements.map(({ leaves }) => leaves)).toEqual(measurements.map(() => 1));
    expect(Math.max(...measurements.map(({ localLeaves }) => localLeaves))).toBeLessThanOrEqual(MAX_LEAVES_IN_ROUND);
    expect(Math.max(...measurements.map(({ localHistory }) => localHistory))).toBeLessThanOrEqual(LOCAL_REVS_LIMIT);
    const [first, last] = [measurements.slice(0, 10), measurements.slice(-10)];
    // The numbers of the rounds and generations have more digits.
    expect(median(last, 'bytes')).toBeLessThan(median(first, 'bytes') + 60);
    expect(median(last, 'pushed')).toBeLessThanOrEqual(median(first, 'pushed') + 1);
    // Pull and push of a sync run at once, so a round may have more requests. What grows with the history adds to every round.
    expect(least(last, 'requests')).toBeLessThanOrEqual(least(first, 'requests') + 2);
    await eventually(async () => (await store.inspect()).leaves.length <= MAX_LOCAL_LEAVES);
    if (process.env['ROUNDS'] !== undefined) {
      const some = measurements.filter((_, index) => index < 2 || (index + 1) % Math.ceil(ROUNDS / 10) === 0);
      process.stdout.write(`${some.map((one) => JSON.stringify(one)).join('\n')}\n`);
    }
    await peer.close();
  },
  scaleMs(ROUNDS * MAX_ROUND_MS),
);
