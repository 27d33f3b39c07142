import {
  createPeer,
  editPreferences,
  readPreference,
  type Content,
  type Peer,
} from '../../../server/testing/pouchdb-peer.ts';
import { startTestGate, type TestGate } from '../../../server/testing/test-gate.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';

/** An unmodified PouchDB works as a client of the gate, with any of its options. */

let gate: TestGate;
beforeAll(async () => {
  gate = await startTestGate();
});
afterAll(() => gate.close());

const peers: Peer[] = [];
afterEach(() => Promise.all(peers.splice(0).map((peer) => peer.close())));

function openPeer(username: string, skipSetup = true): Peer {
  const peer = createPeer({ database: gate.database, token: () => gate.token(username), skipSetup });
  peers.push(peer);
  return peer;
}

const variants = [true, false].flatMap((docIds) =>
  [true, false].flatMap((skipSetup) =>
    [true, false].map((checkpoint) => ({
      docIds,
      skipSetup,
      checkpoint,
      username: `sync${Number(docIds)}${Number(skipSetup)}${Number(checkpoint)}`,
    })),
  ),
);

const optionsOf = ({ docIds, checkpoint }: (typeof variants)[number], id: string) => ({
  ...(docIds ? { doc_ids: [id] } : {}),
  ...(checkpoint ? {} : { checkpoint: false as const }),
});

interface Leaves {
  /** Every live leaf's revision, the winner first. */
  readonly revisions: readonly string[];
  readonly preferences: readonly Content['preferences'][];
}

type ReadDocument = (options: {
  conflicts?: true;
  rev?: string;
}) => Promise<Content & { _rev: string; _conflicts?: string[] }>;

async function leavesOf(read: ReadDocument): Promise<Leaves> {
  const { _rev: winner, _conflicts: others = [] } = await read({ conflicts: true });
  const revisions = [winner, ...others];
  const bodies = await Promise.all(revisions.map((rev) => read({ rev })));
  return { revisions, preferences: bodies.map(({ preferences }) => preferences) };
}

const readFromRegistry =
  (id: string): ReadDocument =>
  async (options) =>
    (await gate.registry().get(id, options)) as never;

/** Edits as an operator; retries on a conflict. */
async function editInRegistry(id: string, preferences: object): Promise<void> {
  await eventually(async () => {
    const document = await readFromRegistry(id)({});
    const edited = { ...document, preferences: { ...document.preferences, ...preferences } };
    return gate
      .registry()
      .insert(edited as never)
      .then(
        () => true,
        () => false,
      );
  });
}

/** One user with two devices, both syncing with the same options. */
class DevicePair {
  readonly variant: (typeof variants)[number];
  readonly id: string;
  readonly near: Peer;
  readonly far: Peer;

  constructor(variant: (typeof variants)[number]) {
    this.variant = variant;
    this.id = `user_${variant.username}`;
    this.near = openPeer(variant.username, variant.skipSetup);
    this.far = openPeer(variant.username, variant.skipSetup);
    for (const peer of [this.near, this.far]) void peer.sync(optionsOf(variant, this.id));
  }

  waitForBoth(key: string, value: unknown): Promise<void> {
    return eventually(async () => {
      const values = await Promise.all([this.near, this.far].map((peer) => readPreference(peer.local, this.id, key)));
      return values.every((each) => each === value);
    });
  }

  async syncBothWays(): Promise<void> {
    const { near, far, id } = this;
    for (const { local } of [near, far]) await eventually(async () => (await local.info()).doc_count === 1);
    await editPreferences(near.local, id, { theme: 'dark' });
    await this.waitForBoth('theme', 'dark');
    expect(await readFromRegistry(id)({})).toMatchObject({ preferences: { theme: 'dark' } });
    await editPreferences(far.local, id, { viewMode: 'table' });
    await this.waitForBoth('viewMode', 'table');
  }

  /**
   * Resolves once the devices show the registry's winner, and have all of its leaves and these keys. What the gate has merged is a
   * conflict on its device alone. An edit that does not pass the gate may be a conflict in the registry.
   */
  waitForConvergence(...keys: readonly string[]): Promise<void> {
    const reads = [
      readFromRegistry(this.id),
      ...[this.near, this.far].map(
        (peer): ReadDocument =>
          (options) =>
            peer.local.get(this.id, options),
      ),
    ];
    return eventually(async () => {
      const [stored, ...local] = await Promise.all(reads.map(leavesOf));
      if (stored === undefined) return false;
      const isSame = local.every(
        ({ revisions }) =>
          revisions[0] === stored.revisions[0] && stored.revisions.every((rev) => revisions.includes(rev)),
      );
      return isSame && keys.every((key) => stored.preferences.some((each) => Object.hasOwn(each, key)));
    });
  }
}

it('every combination of doc_ids, skip_setup and checkpoint syncs, and survives a restart of the gate', async () => {
  const users = variants.map((variant) => new DevicePair(variant));
  await Promise.all(users.map((user) => user.syncBothWays()));

  const restarted = gate.restart();
  await Promise.all(users.map(({ near, id }) => editPreferences(near.local, id, { recapTime: '20:00' })));
  await restarted;
  await Promise.all(users.map(({ id }) => editInRegistry(id, { timezone: 'Europe/Vienna' })));
  await Promise.all(users.map((user) => user.waitForConvergence('theme', 'viewMode', 'recapTime', 'timezone')));

  for (const { near, far, variant } of users) {
    for (const { events, requests } of [near, far]) {
      expect(events.filter(({ name }) => name === 'error' || name === 'denied')).toEqual([]);
      // Two starts of some ten requests each, and five changes of some five each: no request storm.
      expect(requests.length).toBeLessThan(100);
      expect(requests.some((request) => request.includes('/_local/'))).toBe(variant.checkpoint);
    }
  }
});

describe('one-shot replication', () => {
  it('pulls the one document, and pushes the edit', async () => {
    const { local, remote } = openPeer('oneshot');
    const pulled = await local.replicate.from(remote);
    expect(pulled).toMatchObject({ ok: true, docs_written: 1, doc_write_failures: 0 });
    const rev = await editPreferences(local, 'user_oneshot', { theme: 'light' });
    const pushed = await local.replicate.to(remote);
    expect(pushed).toMatchObject({ ok: true, docs_written: 1, doc_write_failures: 0 });
    expect(await readFromRegistry('user_oneshot')({})).toMatchObject({ _rev: rev, preferences: { theme: 'light' } });
    // Once both have everything, nothing more is replicated.
    expect(await local.replicate.from(remote)).toMatchObject({ ok: true, docs_written: 0 });
    expect(await local.replicate.to(remote)).toMatchObject({ ok: true, docs_written: 0 });
  });

  it('a foreign document is denied and not stored', async () => {
    const { local, remote } = openPeer('onlyown');
    await local.replicate.from(remote);
    await local.put({ _id: 'user_other', preferences: {} });
    const denied: unknown[] = [];
    const replication = local.replicate.to(remote);
    void replication.on('denied', (refusal) => denied.push(refusal));
    expect(await replication).toMatchObject({ ok: true, doc_write_failures: 1 });
    expect(denied).toMatchObject([{ id: 'user_other', name: 'forbidden' }]);
    await expect(gate.registry().get('user_other')).rejects.toMatchObject({ statusCode: 404 });
  });
});
