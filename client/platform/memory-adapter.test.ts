/** Compares the adapter with PouchDB's own memory adapter, after any sequence of writes. */
import fc from 'fast-check';
import levelAdapter from 'pouchdb-adapter-memory';
import PouchDB from 'pouchdb-browser';
import { reasonOf, statusOf } from './database.ts';
import { MEMORY_ADAPTER, memoryAdapter } from './memory-adapter.ts';

PouchDB.plugin(levelAdapter).plugin(memoryAdapter);

const ID = 'user_alice';
interface Body {
  readonly value?: number;
}
type Pair = readonly [PouchDB.Database<Body>, PouchDB.Database<Body>];

let count = 0;
const openPair = (options: { readonly revs_limit?: number } = {}): Pair => {
  count += 1;
  return [
    new PouchDB<Body>(`expected-${count}`, { adapter: 'memory', ...options }),
    new PouchDB<Body>(`actual-${count}`, { adapter: MEMORY_ADAPTER, ...options }),
  ];
};

/** A revision of generation `generation` on a branch. Branches share their first revision. */
const revisionId = (generation: number, branch: number): string =>
  (generation === 1 ? 'a' : String(branch)).repeat(31) + String(generation);

const anyWrite = fc.oneof(
  fc.record({
    kind: fc.constant('replicated' as const),
    generation: fc.integer({ min: 1, max: 5 }),
    branch: fc.integer({ min: 1, max: 3 }),
    deleted: fc.boolean(),
    /** How many revisions of its history it includes. */
    known: fc.integer({ min: 1, max: 5 }),
  }),
  fc.record({ kind: fc.constant('edit' as const), leaf: fc.nat(3), deleted: fc.boolean() }),
  fc.record({ kind: fc.constant('create' as const) }),
);
type Write = typeof anyWrite extends fc.Arbitrary<infer W> ? W : never;

const openRevs = async (database: PouchDB.Database<Body>): Promise<readonly PouchDB.Core.GetMeta[]> => {
  const rows = (await database.get(ID, { open_revs: 'all', revs: true }).catch(() => [])) as readonly {
    readonly ok: PouchDB.Core.GetMeta;
  }[];
  return rows.map(({ ok }) => ok).sort((a, b) => (a._rev < b._rev ? -1 : 1));
};

async function apply(database: PouchDB.Database<Body>, write: Write, value: number): Promise<unknown> {
  switch (write.kind) {
    case 'replicated': {
      const { generation, branch, deleted, known } = write;
      const ids = Array.from({ length: Math.min(known, generation) }, (_, index) =>
        revisionId(generation - index, branch),
      );
      const document = {
        _id: ID,
        _rev: `${generation}-${ids[0] ?? ''}`,
        _revisions: { start: generation, ids },
        ...(deleted ? { _deleted: true } : {}),
        value: generation * 10 + branch,
      };
      return database.bulkDocs([document], { new_edits: false });
    }
    case 'edit': {
      const leaves = await openRevs(database);
      const leaf = leaves[write.leaf % Math.max(1, leaves.length)];
      const document = { _id: ID, value, ...(write.deleted ? { _deleted: true } : {}) };
      return database.put({ ...document, ...(leaf ? { _rev: leaf._rev } : {}) }).catch(statusOf);
    }
    case 'create':
      return database.put({ _id: ID, value }).catch(statusOf);
  }
}

const winner = (database: PouchDB.Database<Body>): Promise<unknown> =>
  database.get(ID, { conflicts: true }).then(
    // Their order is not specified.
    ({ _conflicts = [], ...document }) => ({ ...document, conflicts: _conflicts.toSorted() }),
    (error: unknown) => ({ status: statusOf(error), reason: reasonOf(error) }),
  );

async function changes(database: PouchDB.Database<Body>): Promise<unknown> {
  const { results } = await database.changes({ style: 'all_docs', doc_ids: [ID], include_docs: true });
  return results.map(({ id, changes: revisions, deleted, doc }) => ({
    id,
    deleted,
    doc,
    revisions: revisions.map(({ rev }) => rev).sort(),
  }));
}

test('returns the same as PouchDB’s memory adapter, after any writes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyWrite, { maxLength: 8 }), async (writes) => {
      const [expected, actual] = openPair();
      try {
        for (const [index, write] of writes.entries()) {
          expect(await apply(actual, write, index)).toEqual(await apply(expected, write, index));
        }
        expect(await openRevs(actual)).toEqual(await openRevs(expected));
        expect(await winner(actual)).toEqual(await winner(expected));
        expect(await changes(actual)).toEqual(await changes(expected));
      } finally {
        await Promise.all([expected.destroy(), actual.destroy()]);
      }
    }),
    { numRuns: 100 },
  );
});

test('with a limit of revisions it has the leaves that PouchDB has, and forgets what PouchDB forgets', async () => {
  const withoutHistory = ({ _revisions, ...leaf }: PouchDB.Core.GetMeta): unknown => leaf;
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.array(anyWrite, { maxLength: 12 }), async (limit, writes) => {
      const [expected, actual] = openPair({ revs_limit: limit });
      try {
        for (const [index, write] of writes.entries()) {
          expect(await apply(actual, write, index)).toEqual(await apply(expected, write, index));
        }
        const [expectedLeaves, actualLeaves] = [await openRevs(expected), await openRevs(actual)];
        expect(actualLeaves.map(withoutHistory)).toEqual(expectedLeaves.map(withoutHistory));
        // PouchDB cuts each branch by itself. Here branches that have a kept revision in common stay connected.
        for (const [index, { _revisions }] of actualLeaves.entries()) {
          const ids = expectedLeaves[index]?._revisions?.ids ?? [];
          expect(_revisions?.ids.slice(0, ids.length)).toEqual(ids);
        }
        expect(await winner(actual)).toEqual(await winner(expected));
        expect(await changes(actual)).toEqual(await changes(expected));
      } finally {
        await Promise.all([expected.destroy(), actual.destroy()]);
      }
    }),
    { numRuns: 200 },
  );
});

test('of a thousand edits a limited number of revisions is kept', async () => {
  const [, database] = openPair({ revs_limit: 20 });
  let { rev } = await database.put({ _id: ID, value: 0 });
  for (let value = 1; value <= 1_000; value += 1) ({ rev } = await database.put({ _id: ID, _rev: rev, value }));
  const [leaf] = await openRevs(database);
  expect([leaf?._rev, leaf?._revisions?.ids.length]).toEqual([rev, 20]);
  await database.destroy();
});

test('replicates live in both directions, and keeps its data until it is destroyed', async () => {
  const [remote, local] = openPair();
  const sync = local.sync(remote, { live: true, retry: true, doc_ids: [ID], checkpoint: false });
  const nextChange = (database: PouchDB.Database<Body>): Promise<unknown> =>
    new Promise((resolve) => {
      void database.changes({ live: true, since: 'now', doc_ids: [ID] }).on('change', resolve);
    });
  const arrived = nextChange(local);
  const { rev } = await remote.put({ _id: ID, value: 1 });
  await arrived;
  expect(await local.get(ID)).toEqual({ _id: ID, _rev: rev, value: 1 });
  const returned = nextChange(remote);
  const edited = await local.put({ _id: ID, _rev: rev, value: 2 });
  await returned;
  expect(await remote.get(ID)).toEqual({ _id: ID, _rev: edited.rev, value: 2 });
  sync.cancel();
  const { name } = local;
  await local.close();
  const reopened = new PouchDB<Body>(name, { adapter: MEMORY_ADAPTER });
  expect(await reopened.get(ID)).toMatchObject({ value: 2 });
  await reopened.destroy();
  await expect(new PouchDB(name, { adapter: MEMORY_ADAPTER }).get(ID)).rejects.toMatchObject({ status: 404 });
  await remote.destroy();
});
