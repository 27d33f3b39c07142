/** The gate's decisions with real PouchDBs as the registry and the device: neither gets a conflict or a duplicate from a path. */
import fc from 'fast-check';
import memory from 'pouchdb-adapter-memory';
import PouchDB from 'pouchdb-browser';
import { nextEditStamp } from '../../../couchdb-design/user-document/edit-stamp.ts';
import { applyEdit } from '../../../couchdb-design/user-document/merge.ts';
import { readUserDocument, type UserDocument } from '../../../couchdb-design/user-document/user-document.ts';
import type { JsonObject } from '../../lib/json.ts';
import { decideRows } from './decide-rows.ts';
import { parseReplicatedRow } from './parse-row.ts';
import { parseTree } from './document-tree.ts';
import { runAtOnce } from '../../lib/time-slices.ts';
import { emptyDocument, revision, rules, schema } from './testing/tree-model.ts';

PouchDB.plugin(memory);

type Stored = UserDocument<object> & { readonly _rev: string };
type Database = PouchDB.Database<UserDocument<object>>;
const { _id: id } = emptyDocument;

let count = 0;
const openDatabase = (revsLimit: number): Database =>
  new PouchDB(`paths-${(count += 1)}`, { adapter: 'memory', revs_limit: revsLimit });

const readLeaves = async (database: Database): Promise<readonly JsonObject[]> => {
  const rows = await database.get(id, { open_revs: 'all', revs: true });
  return rows.map((row) => ('ok' in row ? { ...row.ok } : {}));
};
const revisionsOf = async (database: Database): Promise<readonly unknown[]> =>
  (await readLeaves(database)).map(({ _rev }) => _rev);

const storeIn = (database: Database, documents: readonly JsonObject[]): Promise<unknown> =>
  database.bulkDocs([...documents] as never, { new_edits: false });

async function edit(database: Database, step: number): Promise<void> {
  const stored = await database.get(id);
  const { _rev: rev, ...document } = stored as never as Stored;
  const stamp = nextEditStamp({ now: Date.UTC(2026, 10, 22) + step, device: 'abcde', seen: undefined });
  await database.put({ ...applyEdit<object>(document, { selectedTags: [String(step)] }, stamp), _rev: rev } as never);
}

async function push(device: Database, server: Database): Promise<void> {
  const tree = parseTree(await server.get(id, { open_revs: 'all', revs: true }), readUserDocument);
  const parsed = (await readLeaves(device)).map((row) => parseReplicatedRow(row, rules));
  const { documents, verdicts } = runAtOnce(decideRows(parsed, tree, schema));
  expect(verdicts.filter(({ kind }) => kind === 'refusal')).toEqual([]);
  await storeIn(server, documents);
}

it('a device with a short history and the registry have one and the same leaf after every push', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(1, 2, 3),
      fc.constantFrom(1, 3, 1_000),
      fc.array(fc.record({ on: fc.constantFrom('device', 'server'), edits: fc.integer({ min: 1, max: 4 }) }), {
        minLength: 1,
        maxLength: 8,
      }),
      async (deviceLimit, serverLimit, steps) => {
        const [device, server] = [openDatabase(deviceLimit), openDatabase(serverLimit)];
        await storeIn(server, [revision([1])]);
        await device.replicate.from(server);
        let step = 0;
        for (const { on, edits } of steps) {
          for (let n = 0; n < edits; n += 1) await edit(on === 'device' ? device : server, (step += 1));
          await push(device, server);
          await device.replicate.from(server);
          const [stored, ...conflicts] = await revisionsOf(server);
          expect(conflicts).toEqual([]);
          // A device whose path no longer reaches the registry's keeps an outdated leaf, which is a conflict of its own.
          const shown = await device.get(id);
          expect(shown._rev).toBe(stored);
          expect(shown.preferences).toEqual({ selectedTags: [String(step)] });
          if (on === 'device') expect(await revisionsOf(device)).toContain(stored);
        }
        if (steps.every(({ on }) => on === 'device')) expect(await revisionsOf(device)).toHaveLength(1);
        await Promise.all([device.destroy(), server.destroy()]);
      },
    ),
    { numRuns: 40 },
  );
});

it('the registry stores a path of thousands of generations, and stems it', async () => {
  const server = openDatabase(1_000);
  await storeIn(server, [revision([1])]);
  const device = openDatabase(1_000);
  const ids = Array.from({ length: 1_000 }, (_, n) => 2_900 - n);
  await storeIn(device, [revision(ids, { ...emptyDocument, preferences: { theme: 'dark' } }, 2_900)]);
  await push(device, server);
  const [leaf] = await readLeaves(server);
  expect(leaf).toMatchObject({ _rev: expect.stringMatching(/^2900-/) as string, _revisions: { start: 2_900 } });
  expect(await revisionsOf(server)).toHaveLength(1);
  await device.replicate.from(server);
  expect(await revisionsOf(device)).toEqual(await revisionsOf(server));
  await Promise.all([device.destroy(), server.destroy()]);
});
