/** Compares our winners and conflict resolutions with PouchDB's. */
import fc from 'fast-check';
import memoryAdapter from 'pouchdb-adapter-memory';
import PouchDB from 'pouchdb-browser';
import { anyDocumentOf, toUsername } from '../testing/arbitraries.ts';
import { merge } from './merge.ts';
import { readUserDocument } from './read-user-document.ts';
import { resolveConflict, winningRevision, type Resolution } from './revisions.ts';
import { newUserDocument, userDocumentId, type UserDocument } from './user-document.ts';

PouchDB.plugin(memoryAdapter);

const alice = toUsername('alice');
const documentId = userDocumentId(alice);

let count = 0;
const withDatabases = async <T>(n: number, task: (databases: PouchDB.Database[]) => Promise<T>): Promise<T> => {
  const databases = Array.from({ length: n }, () => new PouchDB(`revisions-${count++}`, { adapter: 'memory' }));
  try {
    return await task(databases);
  } finally {
    await Promise.all(databases.map((database) => database.destroy()));
  }
};

interface TreeNode {
  readonly id: string;
  /** Index of the parent among the earlier nodes. Any other value makes the node a root. */
  readonly parent: number;
  readonly deleted: boolean;
}

interface PathLeaf {
  readonly rev: string;
  readonly deleted: boolean;
  readonly start: number;
  /** Revision ids from the leaf to its root. */
  readonly ids: readonly string[];
}

const anyTree: fc.Arbitrary<TreeNode[]> = fc.uniqueArray(
  fc.record({
    id: fc.stringMatching(/^[0-9a-f]{32}$/),
    parent: fc.integer({ min: -3, max: 7 }),
    deleted: fc.boolean(),
  }),
  { minLength: 1, maxLength: 8, selector: ({ id }) => id },
);

const leavesOf = (nodes: readonly TreeNode[]): PathLeaf[] => {
  const paths: string[][] = [];
  const parents = new Set<number>();
  nodes.forEach(({ id, parent }, index) => {
    const path = parent < index ? paths[parent] : undefined;
    if (path !== undefined) parents.add(parent);
    paths.push([id, ...(path ?? [])]);
  });
  return nodes.flatMap(({ deleted, id }, index) => {
    const ids = paths[index] ?? [];
    return parents.has(index) ? [] : [{ rev: `${ids.length}-${id}`, deleted, start: ids.length, ids }];
  });
};

const write = async (database: PouchDB.Database, documents: readonly object[]): Promise<void> => {
  expect(await database.bulkDocs([...documents], { new_edits: false })).toEqual([]);
};

const liveLeaves = async (database: PouchDB.Database): Promise<{ rev: string; document: UserDocument }[]> => {
  const rows = await database.get(documentId, { open_revs: 'all' });
  return rows.flatMap((row) => {
    if (!('ok' in row) || '_deleted' in row.ok) return [];
    const read = readUserDocument(row.ok);
    if (!read.ok) throw new Error(read.reason);
    return [{ rev: row.ok._rev, document: read.document }];
  });
};

const allLeaves = async (database: PouchDB.Database): Promise<string[]> => {
  const { results } = await database.changes({ style: 'all_docs' });
  return results.flatMap(({ changes }) => changes.map(({ rev }) => rev)).sort();
};

const toStoredDocument = ({ rev, document }: { rev: string; document: UserDocument }): object => {
  const [start, id] = [Number.parseInt(rev), rev.slice(rev.indexOf('-') + 1)];
  return { ...document, _rev: rev, _revisions: { start, ids: [id] } };
};

/** Leaves with roots of any generation, as a client may forge them. */
const anyConflict = fc.uniqueArray(
  fc.record({
    rev: fc.tuple(fc.integer({ min: 1, max: 99 }), fc.stringMatching(/^[0-9a-f]{32}$/)).map(([n, id]) => `${n}-${id}`),
    document: anyDocumentOf(alice),
  }),
  { minLength: 2, maxLength: 4, selector: ({ rev }) => rev },
);

test('the winner of any revision tree is the one that PouchDB returns', async () => {
  await fc.assert(
    fc.asyncProperty(anyTree, async (nodes) => {
      const leaves = leavesOf(nodes);
      await withDatabases(1, async ([database]) => {
        if (database === undefined) throw new Error('no database');
        for (const { rev, deleted, start, ids } of leaves) {
          await write(database, [
            { _id: documentId, _rev: rev, _revisions: { start, ids }, ...(deleted && { _deleted: true }) },
          ]);
        }
        expect(await allLeaves(database)).toEqual(leaves.map(({ rev }) => rev).sort());
        const winner = winningRevision(leaves);
        const { results } = await database.changes({});
        expect(results[0]?.changes).toEqual([{ rev: winner?.rev }]);
        if (winner?.deleted === false) expect((await database.get(documentId))._rev).toBe(winner.rev);
      });
    }),
    { numRuns: 60 },
  );
});

test('after a resolution is written, the document is the merge and has no conflict', async () => {
  await fc.assert(
    fc.asyncProperty(anyConflict, async (leaves) => {
      await withDatabases(1, async ([database]) => {
        if (database === undefined) throw new Error('no database');
        await write(database, leaves.map(toStoredDocument));
        await write(database, resolveConflict({ leaves: await liveLeaves(database) }));
        const read = await database.get(documentId, { conflicts: true });
        expect(read._conflicts).toBeUndefined();
        const [first, ...rest] = leaves.map(({ document }) => document);
        if (first === undefined) throw new Error('no leaf');
        expect(readUserDocument(read)).toEqual({ ok: true, document: merge([first, ...rest]), repairs: [] });
      });
    }),
    { numRuns: 40 },
  );
});

test('two databases that resolve a conflict independently have the same leaves and nothing to replicate', async () => {
  await fc.assert(
    fc.asyncProperty(anyConflict, async (leaves) => {
      await withDatabases(2, async ([local, remote]) => {
        if (local === undefined || remote === undefined) throw new Error('no database');
        await write(local, leaves.map(toStoredDocument));
        await write(remote, leaves.map(toStoredDocument).reverse());
        const resolve = async (database: PouchDB.Database): Promise<Resolution> =>
          resolveConflict({ leaves: await liveLeaves(database) });
        const [localResolution, remoteResolution] = await Promise.all([resolve(local), resolve(remote)]);
        await Promise.all([write(local, localResolution), write(remote, remoteResolution)]);
        expect(await allLeaves(local)).toEqual(await allLeaves(remote));
        expect((await local.sync(remote)).push?.docs_written).toBe(0);
        expect(await liveLeaves(local)).toEqual(await liveLeaves(remote));
        expect(await liveLeaves(local)).toHaveLength(1);
      });
    }),
    { numRuns: 15 },
  );
});

test('databases with different parts of a conflict converge by replication and resolution', async () => {
  const roots = [1, 2, 3].map((n) => ({
    rev: `1-${String(n).repeat(32)}`,
    document: newUserDocument(alice, new Date(n)),
  }));
  await withDatabases(3, async (databases) => {
    const [a, b, c] = databases;
    const [first, second, third] = roots.map(toStoredDocument);
    if (!a || !b || !c || !first || !second || !third) throw new Error('too few databases or leaves');
    await write(a, [first, second]);
    await write(b, [second, third]);
    await write(c, [third, first]);
    const resolve = async (database: PouchDB.Database): Promise<void> => {
      const leaves = await liveLeaves(database);
      if (leaves.length > 1) await write(database, resolveConflict({ leaves }));
    };
    for (let round = 0; round < 2; round += 1) {
      await Promise.all(databases.map(resolve));
      await a.sync(b);
      await b.sync(c);
      await c.sync(a);
    }
    await Promise.all(databases.map(resolve));
    const finalLeaves = await Promise.all(databases.map(liveLeaves));
    expect(finalLeaves[0]).toHaveLength(1);
    expect(finalLeaves[1]).toEqual(finalLeaves[0]);
    expect(finalLeaves[2]).toEqual(finalLeaves[0]);
  });
});
