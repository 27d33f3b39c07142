import { editPreferences, readPreference } from '../../../server/testing/pouchdb-peer.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';
import { setUpPouchdbFixture, eventsNamed } from './testing/pouchdb-fixture.ts';

/** PouchDBs that keep few ancestors of a revision (`revs_limit`), and documents whose older revisions the database has dropped. */

const fixture = setUpPouchdbFixture();
const { openLivePeer, openPeer, newUser, readStoredPreference, editRemotely } = fixture;

type Rows = readonly { readonly ok: { readonly _rev: string; readonly _deleted?: boolean } }[];
const readLeaves = async (username: string): Promise<readonly string[]> => {
  const rows = (await fixture.proxied
    .registry()
    .get(`user_${username}`, { open_revs: 'all' } as never)) as never as Rows;
  return rows.map(({ ok }) => ok._rev);
};

it.each([
  [1, 100],
  [2, 30],
  [5, 30],
])('with revs_limit %i, %i edits give no conflict on either side, and none is refused', async (revsLimit, edits) => {
  const username = newUser();
  const id = `user_${username}`;
  const peer = await openLivePeer(username, { revsLimit });
  for (let n = 1; n <= edits; n += 1) {
    const value = [String(n)];
    const rev = await editPreferences(peer.local, id, { selectedTags: value });
    await eventually(async () => (await readLeaves(username)).includes(rev));
    if (n % 10 !== 0) continue;
    // Another device edits in between.
    await editRemotely(username, { selectedTags: value, selectedContexts: value });
    await eventually(
      async () => JSON.stringify(await readPreference(peer.local, id, 'selectedContexts')) === JSON.stringify(value),
    );
  }
  const [leaf, ...conflicts] = await readLeaves(username);
  expect(conflicts).toEqual([]);
  expect(await peer.local.get(id, { conflicts: true })).toMatchObject({
    _rev: leaf,
    preferences: { selectedTags: [String(edits)] },
  });
  expect((await peer.local.get(id, { conflicts: true }))._conflicts).toBeUndefined();
  expect([...eventsNamed(peer, 'denied'), ...eventsNamed(peer, 'error')]).toEqual([]);
});

it('several edits that it makes offline are pushed as one descendant', async () => {
  const username = newUser();
  const id = `user_${username}`;
  const peer = openPeer(username, { revsLimit: 1 });
  await peer.local.replicate.from(peer.remote);
  for (let n = 1; n <= 5; n += 1) await editPreferences(peer.local, id, { selectedTags: [String(n)] });
  expect(await peer.local.sync(peer.remote)).toMatchObject({ push: { docs_written: 1, doc_write_failures: 0 } });
  expect(await readLeaves(username)).toEqual([(await peer.local.get(id))._rev]);
  await editRemotely(username, { selectedTags: ['5'], theme: 'dark' });
  await peer.local.sync(peer.remote);
  expect(await peer.local.get(id, { conflicts: true })).toMatchObject({ preferences: { theme: 'dark' } });
  expect(await peer.local.get(id, { conflicts: true })).not.toHaveProperty('_conflicts');
});

it('a device that returns after the database has dropped the revision it knows loses no edit', async () => {
  const username = newUser();
  const id = `user_${username}`;
  const peer = openPeer(username);
  await peer.local.replicate.from(peer.remote);
  const stamp = '2026-11-22T10:00:00.000Z-0000-abcde';
  const { preferences, ...rest } = await peer.local.get(id);
  await peer.local.put({ ...rest, preferences: { ...preferences, theme: 'dark' }, edits: { theme: stamp } });
  // What a thousand edits of other devices leave of the tree: the newest revisions without a path to the device's.
  const stored = await fixture.proxied.registry().get(id);
  await fixture.proxied.registry().destroy(id, stored._rev);
  const ids = ['c', 'b'].map((digit) => digit.repeat(32));
  const viewStamp = '2026-11-23T10:00:00.000Z-0000-fghij';
  const newest = {
    ...stored,
    _rev: `1500-${ids[0] ?? ''}`,
    _revisions: { start: 1_500, ids },
    preferences: { viewMode: 'table' },
    edits: { viewMode: viewStamp },
  };
  await fixture.proxied.registry().bulk({ docs: [newest], new_edits: false });
  expect(await peer.local.sync(peer.remote)).toMatchObject({ push: { doc_write_failures: 0 } });
  await peer.local.replicate.from(peer.remote);
  for (const source of [await peer.local.get(id), await fixture.proxied.registry().get(id)])
    expect(source).toMatchObject({
      preferences: { theme: 'dark', viewMode: 'table' },
      edits: { theme: stamp, viewMode: viewStamp },
    });
  expect(await readStoredPreference(username, 'theme')).toBe('dark');
});
