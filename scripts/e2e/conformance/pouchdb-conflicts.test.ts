import { createPeer, editPreferences, type Content, type Peer } from '../../../server/testing/pouchdb-peer.ts';
import { startTestGate, type TestGate } from '../../../server/testing/test-gate.ts';
import { startTestUpstream, type TestUpstream } from '../../../server/testing/test-database.ts';

/** Unmodified PouchDBs that edit offline beside each other: the gate merges what CouchDB would store as a conflict. */

let upstream: TestUpstream;
let gate: TestGate;
let otherGate: TestGate;
beforeAll(async () => {
  upstream = await startTestUpstream();
  gate = await startTestGate({}, { upstream });
  otherGate = await startTestGate({}, { upstream });
});
afterAll(async () => {
  await gate.close();
  await otherGate.close();
  await upstream.close();
});

const peers: Peer[] = [];
afterEach(() => Promise.all(peers.splice(0).map((peer) => peer.close())));

const openPeer = (username: string, at: TestGate = gate): Peer => {
  const peer = createPeer({ database: at.database, token: () => at.token(username) });
  peers.push(peer);
  return peer;
};

let users = 0;
const newUser = (): string => `conflict${(users += 1)}`;

type Stored = Content & { readonly _rev: string; readonly _deleted?: boolean };
const readLeaves = async (username: string): Promise<readonly Stored[]> => {
  const rows = (await gate.registry().get(`user_${username}`, { open_revs: 'all' } as never)) as never as {
    ok: Stored;
  }[];
  return rows.map(({ ok }) => ok);
};

/** Sets preferences with a stamp of this second. */
async function edit({ local }: Peer, id: string, second: number, preferences: object): Promise<void> {
  const stamp = `${new Date(Date.UTC(2026, 10, 22, 10, 0, second)).toISOString()}-0000-plain`;
  const { edits = {} } = await local.get(id);
  const stamps = Object.fromEntries(Object.keys(preferences).map((key) => [key, stamp]));
  await editPreferences(local, id, preferences, { edits: { ...(edits as object), ...stamps } });
}

async function editByRest(username: string, preferences: object): Promise<void> {
  const response = await fetch(`${gate.url}/api/users/preferences`, {
    method: 'PATCH',
    headers: { authorization: `Bearer ${gate.token(username)}`, 'content-type': 'application/json' },
    body: JSON.stringify(preferences),
  });
  expect(response.status).toBe(200);
}

const countPushes = ({ requests }: Peer): number => requests.filter((request) => request.includes('_bulk_docs')).length;

/** Creates two peers of one user that have edited offline, of which the first has pushed. */
async function createConflict(username: string): Promise<readonly [Peer, Peer]> {
  const id = `user_${username}`;
  const [near, far] = [openPeer(username), openPeer(username)];
  await near.local.replicate.from(near.remote);
  await far.local.replicate.from(far.remote);
  await edit(near, id, 1, { theme: 'dark' });
  await edit(far, id, 2, { viewMode: 'table' });
  await near.local.replicate.to(near.remote);
  return [near, far];
}

it('the second device’s push is merged: one leaf on the server, which both devices show', async () => {
  const username = newUser();
  const id = `user_${username}`;
  const [near, far] = await createConflict(username);
  expect(await far.local.replicate.to(far.remote)).toMatchObject({ docs_written: 1, doc_write_failures: 0 });
  const [leaf, ...others] = await readLeaves(username);
  expect(others).toEqual([]);
  expect(leaf).toMatchObject({ preferences: { theme: 'dark', viewMode: 'table' } });
  for (const peer of [near, far]) {
    await peer.local.replicate.from(peer.remote);
    expect(await peer.local.get(id)).toMatchObject({ _rev: leaf?._rev });
  }
});

it('a merged revision is not requested again, also after the gate has restarted', async () => {
  const username = newUser();
  const id = `user_${username}`;
  const [, far] = await createConflict(username);
  await far.local.sync(far.remote);
  // The pull of that sync may have ended before the gate stored the merged revision.
  await far.local.replicate.from(far.remote);
  const conflicts = (await far.local.get(id, { conflicts: true }))._conflicts ?? [];
  expect(conflicts).toHaveLength(1);
  await gate.restart();
  const pushes = countPushes(far);
  await far.local.sync(far.remote, { checkpoint: false });
  expect(countPushes(far)).toBe(pushes);

  // Nor is the deletion of the conflict that it is to the device.
  await far.local.remove(id, conflicts[0] ?? '');
  await far.local.sync(far.remote, { checkpoint: false });
  expect(countPushes(far)).toBe(pushes + 1);
  await far.local.sync(far.remote, { checkpoint: false });
  expect(countPushes(far)).toBe(pushes + 1);
  expect(await readLeaves(username)).toHaveLength(1);
});

it('a device with 300 conflicts of its own is not refused, and does not send them with every edit', async () => {
  const username = newUser();
  const id = `user_${username}`;
  const peer = openPeer(username);
  await peer.local.replicate.from(peer.remote);
  const { _rev: root, ...document } = await peer.local.get(id);
  const conflicts = Array.from({ length: 300 }, (_, n) => {
    const ids = [n.toString(16).padStart(32, '0'), root.slice(2)];
    return { ...document, _rev: `2-${ids[0] ?? ''}`, _revisions: { start: 2, ids } };
  });
  await peer.local.bulkDocs(conflicts as never, { new_edits: false });
  expect(await peer.local.sync(peer.remote)).toMatchObject({ push: { doc_write_failures: 0 } });
  const sizes: number[] = [];
  for (let second = 1; second <= 3; second += 1) {
    await edit(peer, id, second, { selectedTags: [String(second)] });
    const { push } = await peer.local.sync(peer.remote, { checkpoint: false });
    expect(push?.doc_write_failures).toBe(0);
    sizes.push(push?.docs_written ?? 0);
  }
  expect(await readLeaves(username)).toMatchObject([{ preferences: { selectedTags: ['3'] } }]);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(1);
});

it('a gate that restarts between the push and the pull of a device loses nothing', async () => {
  const username = newUser();
  const id = `user_${username}`;
  const [, far] = await createConflict(username);
  await far.local.replicate.to(far.remote);
  await gate.restart();
  await far.local.replicate.from(far.remote);
  expect(await far.local.get(id)).toMatchObject({ preferences: { theme: 'dark', viewMode: 'table' } });
  await edit(far, id, 5, { theme: 'light' });
  await far.local.sync(far.remote);
  expect(await readLeaves(username)).toMatchObject([{ preferences: { theme: 'light', viewMode: 'table' } }]);
});

it('two devices that push through two gates at once lose nothing, round after round', async () => {
  const username = newUser();
  const id = `user_${username}`;
  const devices = [openPeer(username), openPeer(username, otherGate)] as const;
  for (const { local, remote } of devices) await local.replicate.from(remote);
  const denied: unknown[] = [];
  const syncAll = (): Promise<unknown> =>
    Promise.all(
      devices.map(({ local, remote }) => {
        const sync = local.sync(remote);
        void sync.on('denied', (refusal) => denied.push(refusal));
        return sync;
      }),
    );
  for (let round = 1; round <= 20; round += 1) {
    const expected = { selectedTags: [`near ${round}`], selectedContexts: [`far ${round}`] };
    await edit(devices[0], id, 2 * round, { selectedTags: expected.selectedTags });
    await edit(devices[1], id, 2 * round + 1, { selectedContexts: expected.selectedContexts });
    await syncAll();
    // An edit through any interface merges what two gates stored within the same milliseconds.
    await editByRest(username, { recapTime: `10:${String(round + 10)}` });
    await syncAll();
    const shown = { ...expected, recapTime: `10:${String(round + 10)}` };
    for (const { local } of devices) expect((await local.get(id)).preferences).toMatchObject(shown);
    const live = (await readLeaves(username)).filter(({ _deleted }) => _deleted !== true);
    expect(live).toMatchObject([{ preferences: shown }]);
  }
  expect(denied).toEqual([]);
});
