import { respondWith, BAD_RESPONSES } from '../../../server/testing/faulty-database-proxy.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';
import { readPreference, SHORT_BACKOFF } from '../../../server/testing/pouchdb-peer.ts';
import { setUpPouchdbFixture, eventsNamed, countRequests, urlIncludes } from './testing/pouchdb-fixture.ts';

/** What PouchDB does with an answer to its other reads: none of the gate's ends a sync or makes it loop. */

const fixture = setUpPouchdbFixture();
const { newUser, openPeer, openLivePeer, editRemotely } = fixture;

describe('GET / 403, GET {db}/ 401, 403, 404 or {}: harmless', () => {
  it('the root is answered to everybody, and the same after a restart, or every sync would begin anew', async () => {
    const { gate } = fixture.proxied;
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
      fixture.proxied.proxy.fault = BAD_RESPONSES[status](urlIncludes('_local'));
      const peer = openPeer(username);
      void peer.sync(SHORT_BACKOFF);
      await eventually(
        () => peer.responses.filter((answer) => answer.request.includes('_local') && answer.status > 500).length > 1,
      );
      fixture.proxied.proxy.fault = undefined;
      await eventually(async () => (await peer.local.info()).doc_count === 1);
      expect(eventsNamed(peer, 'error')).toEqual([]);
    }
  });

  it('a checkpoint may be read, written and deleted, however often and by whatever name PouchDB gives it', async () => {
    const { gate } = fixture.proxied;
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
    const peer = openPeer(username, { database: fixture.proxied.gate.database.replace('127.0.0.1', 'localhost') });
    fixture.proxied.proxy.fault = BAD_RESPONSES['500'](urlIncludes('_bulk_get'));
    void peer.sync(SHORT_BACKOFF);
    await eventually(async () => (await peer.local.info()).doc_count === 1);
    expect(countRequests(peer, 'open_revs=')).toBeGreaterThan(0);
    fixture.proxied.proxy.fault = undefined;
    await editRemotely(username, { theme: 'dark' });
    await eventually(async () => (await readPreference(peer.local, `user_${username}`, 'theme')) === 'dark');
  });

  it.each([400, 403, 404, 401])(
    'a later one that the upstream answers %i is 502, and the sync goes on',
    async (status) => {
      const username = newUser();
      const peer = await openLivePeer(username);
      await eventually(async () => (await peer.local.info()).doc_count === 1);
      fixture.proxied.proxy.fault = respondWith(status, '{"error":"forbidden","reason":"x"}')(urlIncludes('_bulk_get'));
      await editRemotely(username, { theme: 'dark' });
      await eventually(() =>
        peer.responses.some((answer) => answer.request.includes('_bulk_get') && answer.status === 502),
      );
      fixture.proxied.proxy.fault = undefined;
      await eventually(async () => (await readPreference(peer.local, `user_${username}`, 'theme')) === 'dark');
      expect(eventsNamed(peer, 'error')).toEqual([]);
    },
  );

  it('has no error row for what _changes has told: every leaf can be read, deleted ones too', async () => {
    const { gate } = fixture.proxied;
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
