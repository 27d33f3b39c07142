import { answering, BAD_ANSWERS } from '../../../server/testing/faulty-database-proxy.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';
import { preference, SHORT_BACK_OFF } from '../../../server/testing/pouchdb-peer.ts';
import { setStage, named, sent, concerns } from './testing/pouchdb-stage.ts';

/** What PouchDB does with an answer to its other reads: none of the gate's ends a sync or makes it loop. */

const stage = setStage();
const { newUser, open, live, editElsewhere } = stage;

describe('GET / 403, GET {db}/ 401, 403, 404 or {}: harmless', () => {
  it('the root is answered to everybody, and the same after a restart, or every sync would begin anew', async () => {
    const { gate } = stage.fronted;
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
      stage.fronted.front.fault = BAD_ANSWERS[status](concerns('_local'));
      const peer = open(username);
      void peer.sync(SHORT_BACK_OFF);
      await eventually(
        () => peer.answers.filter((answer) => answer.request.includes('_local') && answer.status > 500).length > 1,
      );
      stage.fronted.front.fault = undefined;
      await eventually(async () => (await peer.local.info()).doc_count === 1);
      expect(named(peer, 'error')).toEqual([]);
    }
  });

  it('a checkpoint may be read, written and deleted, however often and by whatever name PouchDB gives it', async () => {
    const { gate } = stage.fronted;
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
    const peer = open(username, { database: stage.fronted.gate.database.replace('127.0.0.1', 'localhost') });
    stage.fronted.front.fault = BAD_ANSWERS['500'](concerns('_bulk_get'));
    void peer.sync(SHORT_BACK_OFF);
    await eventually(async () => (await peer.local.info()).doc_count === 1);
    expect(sent(peer, 'open_revs=')).toBeGreaterThan(0);
    stage.fronted.front.fault = undefined;
    await editElsewhere(username, { theme: 'dark' });
    await eventually(async () => (await preference(peer.local, `user_${username}`, 'theme')) === 'dark');
  });

  it.each([400, 403, 404, 401])(
    'a later one that the upstream answers %i is 502, and the sync goes on',
    async (status) => {
      const username = newUser();
      const peer = await live(username);
      await eventually(async () => (await peer.local.info()).doc_count === 1);
      stage.fronted.front.fault = answering(status, '{"error":"forbidden","reason":"x"}')(concerns('_bulk_get'));
      await editElsewhere(username, { theme: 'dark' });
      await eventually(() =>
        peer.answers.some((answer) => answer.request.includes('_bulk_get') && answer.status === 502),
      );
      stage.fronted.front.fault = undefined;
      await eventually(async () => (await preference(peer.local, `user_${username}`, 'theme')) === 'dark');
      expect(named(peer, 'error')).toEqual([]);
    },
  );

  it('has no error row for what _changes has told: every leaf can be read, deleted ones too', async () => {
    const { gate } = stage.fronted;
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
