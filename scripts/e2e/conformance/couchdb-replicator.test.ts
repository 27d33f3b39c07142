import { startRecorder, type Recorder } from '../../../server/testing/request-recorder.ts';
import { startTestGate, type TestGate } from '../../../server/testing/test-gate.ts';
import { waitForConsistency, usesCouchdb } from '../../../server/testing/test-database.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';
import { startReplicator, type Endpoint, type ReplicationJob, type Replicator } from './testing/couchdb-replicator.ts';

/** CouchDB's own replicator as a client of the gate, with a user's token in a header. CouchDB must be able to reach this machine. */

const [suite, skipReason] = usesCouchdb() ? [describe, ''] : [describe.skip, ' (skipped: COUCHDB_URL is not set)'];

suite(`CouchDB's own replicator${skipReason}`, () => {
  let gate: TestGate;
  let recorder: Recorder;
  let replicator: Replicator;
  beforeAll(async () => {
    gate = await startTestGate();
    recorder = await startRecorder(gate.url);
  });
  beforeEach(async () => {
    replicator = await startReplicator(gate.upstream);
  });
  afterEach(() => replicator.close());
  afterAll(async () => {
    await recorder.close();
    await gate.close();
  });

  let users = 0;
  const newUser = (): string => `rep${(users += 1)}`;
  const gateOf = (username: string, claims: object = {}): Endpoint => ({
    url: `${recorder.url}/sync/${gate.upstream.names.registry}`,
    headers: { Authorization: `Bearer ${gate.token(username, claims)}` },
  });
  const pull = (username: string, options: Partial<ReplicationJob> = {}): ReplicationJob => ({
    source: gateOf(username),
    target: replicator.copyEndpoint,
    ...options,
  });
  const push = (username: string, options: Partial<ReplicationJob> = {}): ReplicationJob => ({
    source: replicator.copyEndpoint,
    target: gateOf(username),
    ...options,
  });

  type Stored = { readonly _id: string; readonly _rev: string; readonly preferences: object };
  const readThroughGate = async (username: string, query = ''): Promise<Stored> =>
    (await (await gate.request(username, `/user_${username}${query}`)).json()) as Stored;
  const edit = async (username: string, preferences: object): Promise<void> => {
    const document = await readThroughGate(username);
    const body = { ...document, preferences };
    expect((await gate.request(username, `/user_${username}`, { method: 'PUT', body })).status).toBe(201);
  };
  const editCopy = async (username: string, preferences: object): Promise<string> => {
    const document = await replicator.copy.get(`user_${username}`);
    return (await replicator.copy.insert({ ...document, preferences } as never)).rev;
  };
  const idsInCopy = async (): Promise<string[]> => (await replicator.copy.list()).rows.map(({ id }) => id);
  const leavesOf = (response: unknown): string[] =>
    (response as { ok: Stored }[]).map(({ ok }) => JSON.stringify(ok)).sort();

  /** Adds two conflicting branches, which the gate would merge. */
  const addBranches = async (username: string): Promise<void> => {
    const { _rev: root, ...document } = await readThroughGate(username);
    const docs = ['1', '2'].map((digit) => ({
      ...document,
      preferences: { selectedTags: [`branch ${digit}`] },
      _rev: `2-${digit.repeat(32)}`,
      _revisions: { start: 2, ids: [digit.repeat(32), root.slice(2)] },
    }));
    await gate.registry().bulk({ docs, new_edits: false });
  };

  it.each<[string, (id: string) => Partial<ReplicationJob>]>([
    ['the whole database', () => ({})],
    ['its doc_ids', (id) => ({ doc_ids: [id] })],
    ['foreign doc_ids beside it', (id) => ({ doc_ids: ['user_bystander', id, '_design/registry'] })],
    ['a selector', () => ({ selector: { type: 'user_preferences' } })],
    ['one request per revision', () => ({ use_bulk_get: false })],
  ])('pulls the one document with every leaf, with %s, and nothing the second time', async (_name, createOptions) => {
    const username = newUser();
    await readThroughGate('bystander');
    await addBranches(username);
    const job = pull(username, createOptions(`user_${username}`));
    const first = await replicator.replicateOnce(job);
    expect(first).toMatchObject({ docs_read: 2, docs_written: 2, doc_write_failures: 0 });
    expect(await idsInCopy()).toEqual([`user_${username}`]);
    const all = { open_revs: 'all', revs: true } as const;
    expect(leavesOf(await replicator.copy.get(`user_${username}`, all as never))).toEqual(
      leavesOf(await readThroughGate(username, '?open_revs=all&revs=true')),
    );

    // It continues from its checkpoint, so nothing is read.
    const before = recorder.requests.length;
    expect(await replicator.replicateOnce(job)).toEqual(first);
    const urls = recorder.requests.slice(before).map(({ url }) => url);
    expect(urls.filter((url) => url.includes('/_changes?')).map((url) => /since=([^&]*)/.exec(url)?.[1])).toEqual([
      expect.stringMatching(/^2-[0-9a-f]{32}$/),
    ]);
    expect(urls.filter((url) => url.includes(`/user_${username}`))).toEqual([]);

    // Only later changes are pulled.
    await edit(username, { theme: 'dark' });
    expect(await replicator.replicateOnce(job)).toMatchObject({ docs_read: 3, docs_written: 3 });
    const current = await readThroughGate(username);
    // A replica of a cluster may lag.
    await waitForConsistency(async () => (await replicator.copy.get(`user_${username}`))._rev === current._rev);
    expect(await replicator.copy.get(`user_${username}`)).toEqual(current);
  });

  it.each<[string, (id: string) => Partial<ReplicationJob>]>([
    ['the whole copy', () => ({})],
    ['its doc_ids', (id) => ({ doc_ids: [id] })],
  ])('pushes an edit back, from %s, and nothing the second time', async (_name, createOptions) => {
    const username = newUser();
    await readThroughGate(username);
    await replicator.replicateOnce(pull(username));
    const rev = await editCopy(username, { theme: 'dark' });
    const job = push(username, createOptions(`user_${username}`));
    const first = await replicator.replicateOnce(job);
    expect(first).toMatchObject({ docs_written: 1, doc_write_failures: 0 });
    expect(await readThroughGate(username)).toMatchObject({ _rev: rev, preferences: { theme: 'dark' } });
    const before = recorder.requests.length;
    expect(await replicator.replicateOnce(job)).toEqual(first);
    expect(recorder.requests.slice(before).filter(({ url }) => /_revs_diff|_bulk_docs/.test(url))).toEqual([]);
    // Pulling a pushed edit changes nothing. For CouchDB a new token is a new replication, which finds every revision.
    const renewed = pull(username, { source: gateOf(username, { renewed: true }) });
    expect(await replicator.replicateOnce(renewed)).toMatchObject({
      revisions_checked: 1,
      docs_read: 0,
      docs_written: 0,
    });
  });

  it('a push with foreign documents counts them as failures and stores the own document', async () => {
    const username = newUser();
    const { _rev, ...document } = await readThroughGate('bystander');
    await readThroughGate(username);
    await replicator.replicateOnce(pull(username));
    await replicator.copy.insert({ ...document, preferences: { theme: 'light' } } as never);
    await replicator.copy.insert({ _id: 'a note' });
    await editCopy(username, { theme: 'dark' });
    expect(await replicator.replicateOnce(push(username))).toMatchObject({ docs_written: 1, doc_write_failures: 2 });
    expect(await readThroughGate(username)).toMatchObject({ preferences: { theme: 'dark' } });
    expect(await readThroughGate('bystander')).toEqual({ ...document, _rev });
  });

  it.each<[string, (id: string) => Partial<ReplicationJob>]>([
    ['the whole database', () => ({})],
    ['doc_ids', (id) => ({ doc_ids: [id] })],
  ])(
    'replicates continuously in both directions, with %s',
    async (_name, createOptions) => {
      const username = newUser();
      await readThroughGate(username);
      const options = createOptions(`user_${username}`);
      const stops = [
        await replicator.replicateContinuously(pull(username, options)),
        await replicator.replicateContinuously(push(username, options)),
      ];
      const isInSync = async (preferences: object): Promise<boolean> => {
        const [one, other] = [await readThroughGate(username), await replicator.copy.get(`user_${username}`)];
        return one._rev === other._rev && JSON.stringify(one.preferences) === JSON.stringify(preferences);
      };
      await eventually(async () => (await idsInCopy()).length === 1);
      for (const theme of ['dark', 'light', 'system']) {
        await edit(username, { theme });
        await eventually(() => isInSync({ theme }));
        await editCopy(username, { theme, viewMode: 'graph' });
        await eventually(() => isInSync({ theme, viewMode: 'graph' }));
      }
      for (const stop of stops) await stop();
      // The stopped replicators leave no waiter.
      await eventually(() => gate.pouchgate.hub.size === 0);
    },
    150_000,
  );

  it('an expired token fails the job as unauthorized, and nothing is replicated', async () => {
    const username = newUser();
    await readThroughGate(username);
    const reason = await replicator.waitForFailure({
      source: gateOf(username, { exp: 1 }),
      target: replicator.copyEndpoint,
    });
    expect(reason).toMatch(/unauthorized/);
    expect(await idsInCopy()).toEqual([]);
  });
});
