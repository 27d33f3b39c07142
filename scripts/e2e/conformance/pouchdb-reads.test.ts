import { respondWith, BAD_RESPONSES } from '../../../server/testing/faulty-database-proxy.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';
import { readPreference, SHORT_BACKOFF } from '../../../server/testing/pouchdb-peer.ts';
import { setUpPouchdbFixture, eventsNamed, countRequests, urlIncludes } from './testing/pouchdb-fixture.ts';

/** How PouchDB handles responses to its other reads: none of the gate's ends a sync or causes a loop. */

const fixture = setUpPouchdbFixture();
const { newUser, openPeer, openLivePeer, editRemotely } = fixture;

describe('GET / 403, GET {db}/ 401, 403, 404 or {}: harmless', () => {
  it('the welcome needs no token and stays the same after a restart, so that syncs do not start over', async () => {
    const { gate } = fixture.proxied;
    const root = async (): Promise<unknown> =>
      (await fetch(`${gate.url}/sync/`, { headers: { authorization: 'Bearer nonsense' } })).json();
    const before = await root();
    expect(before).toMatchObject({ uuid: expect.stringMatching(/^[0-9a-f]{32}$/) as string });
    await gate.restart();
    expect(await root()).toEqual(before);
  });
});

describe('_local 401 or 403: PouchDB stops the sync; 405 or 429: it loops forever', () => {
  it('an upstream 401, 403 or 429 for a checkpoint becomes 502, and the sync continues', async () => {
    for (const status of ['401', '403', '429'] as const) {
      const username = newUser();
      fixture.proxied.proxy.fault = BAD_RESPONSES[status](urlIncludes('_local'));
      const peer = openPeer(username);
      void peer.sync(SHORT_BACKOFF);
      await eventually(
        () =>
          peer.responses.filter((response) => response.request.includes('_local') && response.status > 500).length > 1,
      );
      fixture.proxied.proxy.fault = undefined;
      await eventually(async () => (await peer.local.info()).doc_count === 1);
      expect(eventsNamed(peer, 'error')).toEqual([]);
    }
  });

  it('a checkpoint can be read, written and deleted repeatedly, with any id that PouchDB generates', async () => {
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
  it('after a failed first request PouchDB falls back to GET with open_revs, which the gate supports', async () => {
    const username = newUser();
    // PouchDB caches per origin and path whether _bulk_get exists. This origin is new to it.
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
    'an upstream response %i to a later request becomes 502, and the sync continues',
    async (status) => {
      const username = newUser();
      const peer = await openLivePeer(username);
      await eventually(async () => (await peer.local.info()).doc_count === 1);
      fixture.proxied.proxy.fault = respondWith(status, '{"error":"forbidden","reason":"x"}')(urlIncludes('_bulk_get'));
      await editRemotely(username, { theme: 'dark' });
      await eventually(() =>
        peer.responses.some((response) => response.request.includes('_bulk_get') && response.status === 502),
      );
      fixture.proxied.proxy.fault = undefined;
      await eventually(async () => (await readPreference(peer.local, `user_${username}`, 'theme')) === 'dark');
      expect(eventsNamed(peer, 'error')).toEqual([]);
    },
  );

  it('has no error row for any leaf of _changes, deleted ones included', async () => {
    const { gate } = fixture.proxied;
    const username = newUser();
    const { _rev: root, ...document } = (await (await gate.request(username, `/user_${username}`)).json()) as {
      _rev: string;
    };
    const child = (n: number, extra: object = {}): object => {
      const hex = n.toString(16).padStart(32, '0');
      return { ...document, _rev: `2-${hex}`, _revisions: { start: 2, ids: [hex, root.slice(2)] }, ...extra };
    };
    const docs = [child(1), child(2), child(3)];
    const tombstone = {
      _id: `user_${username}`,
      _rev: `3-${'4'.repeat(32)}`,
      _revisions: { start: 3, ids: ['4'.repeat(32), (1).toString(16).padStart(32, '0'), root.slice(2)] },
      _deleted: true,
    };
    // The gate would merge them.
    for (const batch of [docs, [tombstone]]) await gate.registry().bulk({ docs: batch, new_edits: false });
    const changes: unknown = await (await gate.request(username, '/_changes?style=all_docs')).json();
    const leaves = (changes as { results: { changes: { rev: string }[] }[] }).results[0]?.changes ?? [];
    expect(leaves).toHaveLength(3);
    const requestBody = { docs: leaves.map(({ rev }) => ({ id: `user_${username}`, rev })) };
    const path = '/_bulk_get?revs=true&latest=true';
    const response: unknown = await (await gate.request(username, path, { method: 'POST', body: requestBody })).json();
    expect(response).toMatchObject({
      results: leaves.map(({ rev }) => ({ id: `user_${username}`, docs: [{ ok: { _rev: rev } }] })),
    });
  });
});
