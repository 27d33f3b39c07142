import { startRecorder, type Recorder } from '../../../server/testing/request-recorder.ts';
import { startTestGate, type TestGate } from '../../../server/testing/test-gate.ts';
import { waitForConsistency, usesCouchdb } from '../../../server/testing/test-database.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';
import { startReplicator, type Endpoint, type ReplicationJob, type Replicator } from './testing/couchdb-replicator.ts';

/** CouchDB's own replicator as a client of the gate, with a user's token as a header. It has to reach this machine. */

const [suite, why] = usesCouchdb() ? [describe, ''] : [describe.skip, ' (left out: COUCHDB_URL is not set)'];

suite(`CouchDB's own replicator${why}`, () => {
  let gate: TestGate;
  let line: Recorder;
  let replicator: Replicator;
  beforeAll(async () => {
    gate = await startTestGate();
    line = await startRecorder(gate.url);
  });
  beforeEach(async () => {
    replicator = await startReplicator(gate.upstream);
  });
  afterEach(() => replicator.close());
  afterAll(async () => {
    await line.close();
    await gate.close();
  });

  let users = 0;
  const newUser = (): string => `rep${(users += 1)}`;
  const gateOf = (username: string, claims: object = {}): Endpoint => ({
    url: `${line.url}/sync/${gate.upstream.names.registry}`,
    headers: { Authorization: `Bearer ${gate.token(username, claims)}` },
  });
  const pull = (username: string, more: Partial<ReplicationJob> = {}): ReplicationJob => ({
    source: gateOf(username),
    target: replicator.copyEndpoint,
    ...more,
  });
  const push = (username: string, more: Partial<ReplicationJob> = {}): ReplicationJob => ({
    source: replicator.copyEndpoint,
    target: gateOf(username),
    ...more,
  });

  type Stored = { readonly _id: string; readonly _rev: string; readonly preferences: object };
  const through = async (username: string, query = ''): Promise<Stored> =>
    (await (await gate.request(username, `/user_${username}${query}`)).json()) as Stored;
  const edit = async (username: string, preferences: object): Promise<void> => {
    const document = await through(username);
    const body = { ...document, preferences };
    expect((await gate.request(username, `/user_${username}`, { method: 'PUT', body })).status).toBe(201);
  };
  const editCopy = async (username: string, preferences: object): Promise<string> => {
    const document = await replicator.copy.get(`user_${username}`);
    return (await replicator.copy.insert({ ...document, preferences } as never)).rev;
  };
  const idsInCopy = async (): Promise<string[]> => (await replicator.copy.list()).rows.map(({ id }) => id);
  const leavesOf = (answer: unknown): string[] =>
    (answer as { ok: Stored }[]).map(({ ok }) => JSON.stringify(ok)).sort();

  /** A second branch beside an edit. */
  const branch = async (username: string): Promise<void> => {
    const { _rev: root, ...document } = await through(username);
    const docs = ['1', '2'].map((digit) => ({
      ...document,
      preferences: { selectedTags: [`branch ${digit}`] },
      _rev: `2-${digit.repeat(32)}`,
      _revisions: { start: 2, ids: [digit.repeat(32), root.slice(2)] },
    }));
    const answer = await gate.request(username, '/_bulk_docs', { method: 'POST', body: { new_edits: false, docs } });
    expect(await answer.json()).toEqual([]);
  };

  it.each<[string, (id: string) => Partial<ReplicationJob>]>([
    ['the whole database', () => ({})],
    ['its doc_ids', (id) => ({ doc_ids: [id] })],
    ["other people's doc_ids beside it", (id) => ({ doc_ids: ['user_bystander', id, '_design/registry'] })],
    ['a selector', () => ({ selector: { type: 'user_preferences' } })],
    ['each revision by a request of its own', () => ({ use_bulk_get: false })],
  ])(
    'pulls the one document with every leaf, asked for by %s, and nothing the second time',
    async (_name, asked) => {
      const username = newUser();
      await through('bystander');
      await branch(username);
      const job = pull(username, asked(`user_${username}`));
      const first = await replicator.replicateOnce(job);
      expect(first).toMatchObject({ docs_read: 2, docs_written: 2, doc_write_failures: 0 });
      expect(await idsInCopy()).toEqual([`user_${username}`]);
      const all = { open_revs: 'all', revs: true } as const;
      expect(leavesOf(await replicator.copy.get(`user_${username}`, all as never))).toEqual(
        leavesOf(await through(username, '?open_revs=all&revs=true')),
      );

      // It goes on where its checkpoint says, so there is nothing to look at.
      const before = line.requests.length;
      expect(await replicator.replicateOnce(job)).toEqual(first);
      const urls = line.requests.slice(before).map(({ url }) => url);
      expect(urls.filter((url) => url.includes('/_changes?')).map((url) => /since=([^&]*)/.exec(url)?.[1])).toEqual([
        expect.stringMatching(/^2-[0-9a-f]{32}$/),
      ]);
      expect(urls.filter((url) => url.includes(`/user_${username}`))).toEqual([]);

      // What comes after it is told, and that alone.
      await edit(username, { theme: 'dark' });
      expect(await replicator.replicateOnce(job)).toMatchObject({ docs_read: 3, docs_written: 3 });
      const whole = await through(username);
      // A copy of a cluster may not have it yet.
      await waitForConsistency(async () => (await replicator.copy.get(`user_${username}`))._rev === whole._rev);
      expect(await replicator.copy.get(`user_${username}`)).toEqual(whole);
    },
    120_000,
  );

  it.each<[string, (id: string) => Partial<ReplicationJob>]>([
    ['the whole copy', () => ({})],
    ['its doc_ids', (id) => ({ doc_ids: [id] })],
  ])(
    'pushes an edit back, out of %s, and nothing the second time',
    async (_name, asked) => {
      const username = newUser();
      await through(username);
      await replicator.replicateOnce(pull(username));
      const rev = await editCopy(username, { theme: 'dark' });
      const job = push(username, asked(`user_${username}`));
      const first = await replicator.replicateOnce(job);
      expect(first).toMatchObject({ docs_written: 1, doc_write_failures: 0 });
      expect(await through(username)).toMatchObject({ _rev: rev, preferences: { theme: 'dark' } });
      const before = line.requests.length;
      expect(await replicator.replicateOnce(job)).toEqual(first);
      expect(line.requests.slice(before).filter(({ url }) => /_revs_diff|_bulk_docs/.test(url))).toEqual([]);
      // Back and forth is no change. To CouchDB another token is another replication, which finds all of it there.
      const renewed = pull(username, { source: gateOf(username, { renewed: true }) });
      expect(await replicator.replicateOnce(renewed)).toMatchObject({
        revisions_checked: 1,
        docs_read: 0,
        docs_written: 0,
      });
    },
    120_000,
  );

  it('what a push brings beside the own document is refused as rows and counted, and the own one arrives', async () => {
    const username = newUser();
    const { _rev, ...document } = await through('bystander');
    await through(username);
    await replicator.replicateOnce(pull(username));
    await replicator.copy.insert({ ...document, preferences: { theme: 'light' } } as never);
    await replicator.copy.insert({ _id: 'a note' });
    await editCopy(username, { theme: 'dark' });
    expect(await replicator.replicateOnce(push(username))).toMatchObject({ docs_written: 1, doc_write_failures: 2 });
    expect(await through(username)).toMatchObject({ preferences: { theme: 'dark' } });
    expect(await through('bystander')).toEqual({ ...document, _rev });
  }, 60_000);

  it.each<[string, (id: string) => Partial<ReplicationJob>]>([
    ['the whole database', () => ({})],
    ['doc_ids', (id) => ({ doc_ids: [id] })],
  ])(
    'continuously in both directions, by %s, edits of either side reach the other',
    async (_name, asked) => {
      const username = newUser();
      await through(username);
      const options = asked(`user_${username}`);
      const stops = [
        await replicator.replicateContinuously(pull(username, options)),
        await replicator.replicateContinuously(push(username, options)),
      ];
      const same = async (preferences: object): Promise<boolean> => {
        const [one, other] = [await through(username), await replicator.copy.get(`user_${username}`)];
        return one._rev === other._rev && JSON.stringify(one.preferences) === JSON.stringify(preferences);
      };
      await eventually(async () => (await idsInCopy()).length === 1, 30_000);
      for (const theme of ['dark', 'light', 'system']) {
        await edit(username, { theme });
        await eventually(() => same({ theme }), 30_000);
        await editCopy(username, { theme, viewMode: 'graph' });
        await eventually(() => same({ theme, viewMode: 'graph' }), 30_000);
      }
      for (const stop of stops) await stop();
      // And nobody waits here for a replicator that is gone.
      await eventually(() => gate.pouchgate.hub.size === 0, 30_000);
    },
    150_000,
  );

  it('a token that is over is told as such, and nothing comes of it', async () => {
    const username = newUser();
    await through(username);
    const told = await replicator.waitForFailure({
      source: gateOf(username, { exp: 1 }),
      target: replicator.copyEndpoint,
    });
    expect(told).toMatch(/unauthorized/);
    expect(await idsInCopy()).toEqual([]);
  }, 60_000);
});
