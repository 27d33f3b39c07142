/** Properties of the gate's decisions over whole histories, without a database. */
import fc from 'fast-check';
import { canonicalJson } from '../../../couchdb-design/user-document/canonical-json.ts';
import { latestEditStamp, nextEditStamp } from '../../../couchdb-design/user-document/edit-stamp.ts';
import { applyEdit, merge } from '../../../couchdb-design/user-document/merge.ts';
import { resolveConflict } from '../../../couchdb-design/user-document/revisions.ts';
import type { UserDocument } from '../../../couchdb-design/user-document/user-document.ts';
import type { Values } from '../../../couchdb-design/user-document/preference-schema.ts';
import type { JsonObject } from '../../lib/json.ts';
import { liveLeaves, type DocumentTree, type LeafContent } from './document-tree.ts';
import { RevisionTree, type Branch } from '../revision-tree.ts';
import {
  branchesOf,
  documentsOf,
  emptyDocument,
  hex,
  leavesOf,
  push,
  revision,
  store,
  tombstone,
  treeOf,
} from './testing/tree-model.ts';

type Document = UserDocument<Values>;

const anyPatch = fc.constantFrom<Values>(
  { theme: 'dark' },
  { theme: 'light' },
  { theme: null },
  { viewMode: 'table' },
  { viewMode: 'graph', selectedTags: ['a'] },
);

interface Device {
  /** How many revisions of a path the device keeps (`revs_limit`). */
  readonly revsLimit: number;
  /** Whether it resolves conflicts, as the client library does. A plain PouchDB shows the winner. */
  readonly resolves: boolean;
  tree: DocumentTree;
}

interface World {
  readonly devices: readonly Device[];
  /** `revs_limit` of the registry. */
  readonly revsLimit: number;
  server: DocumentTree;
  /** The merge of everything that was ever edited. */
  all: Document;
  /** Every value and revision is made by a step of its own. */
  step: number;
}

const stem = (tree: DocumentTree, limit: number): DocumentTree =>
  RevisionTree.of(
    branchesOf(tree).map(({ path: [leaf, ...ancestors], content }) => ({
      path: [leaf, ...ancestors.slice(0, limit - 1)],
      content,
    })),
  );

const toRow = ({ path, content }: Branch<LeafContent>): JsonObject => ({
  ...(content.kind === 'readable' ? content.document : { _id: emptyDocument._id, _deleted: true }),
  _rev: path[0],
  _revisions: { start: Number.parseInt(path[0], 10), ids: path.map((rev) => rev.slice(rev.indexOf('-') + 1)) },
});

function edit(world: World, tree: DocumentTree, patch: Values): DocumentTree {
  const [winner] = liveLeaves(tree);
  if (winner?.content.kind !== 'readable') return tree;
  world.step += 1;
  const seen = latestEditStamp(Object.values(winner.content.document.edits));
  // Clocks differ by up to an hour.
  const now = Date.UTC(2026, 10, 22, 10) + ((world.step * 7_919) % 3_600_000);
  const document = applyEdit<Values>(winner.content.document, patch, nextEditStamp({ now, device: 'abcde', seen }));
  world.all = merge<Values>([world.all, document]);
  const generation = Number.parseInt(winner.rev, 10) + 1;
  return store(
    tree,
    toRow({
      path: [`${generation}-${hex(world.step)}`, ...tree.pathOf(winner.rev)],
      content: { kind: 'readable', document, difference: undefined },
    }),
  );
}

function pull(world: World, device: Device): void {
  for (const leaf of branchesOf(world.server)) device.tree = store(device.tree, toRow(leaf));
  const leaves = liveLeaves(device.tree).flatMap(({ rev, content }) =>
    content.kind === 'readable' ? [{ rev, document: content.document }] : [],
  );
  if (device.resolves && leaves.length > 1)
    for (const written of resolveConflict({ leaves })) device.tree = store(device.tree, { ...written });
  device.tree = stem(device.tree, device.revsLimit);
}

function pushAll(world: World, { tree }: Device): void {
  const rows = branchesOf(tree)
    .filter(({ path: [leaf] }) => !world.server.has(leaf))
    .map(toRow);
  const pushed = push(world.server, ...rows);
  expect(pushed.verdicts).not.toContain('refusal');
  world.server = stem(pushed.tree, world.revsLimit);
}

type Step = (world: World) => void;
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 1,
    arbitrary: anyPatch.map(
      (patch): Step =>
        (world) =>
          void (world.server = edit(world, world.server, patch)),
    ),
  },
  {
    weight: 5,
    arbitrary: fc
      .record({ device: fc.nat(2), action: fc.constantFrom('edit', 'edit', 'push', 'pull'), patch: anyPatch })
      .map(({ device: index, action, patch }): Step => (world) => {
        const device = world.devices[index];
        if (device === undefined) return;
        if (action === 'edit') device.tree = stem(edit(world, device.tree, patch), device.revsLimit);
        else if (action === 'push') pushAll(world, device);
        else pull(world, device);
      }),
  },
);

const anyDevices = fc.array(fc.record({ revsLimit: fc.constantFrom(1, 2, 5, 1_000), resolves: fc.boolean() }), {
  minLength: 1,
  maxLength: 3,
});

it('no history of honest devices loses an edit, is refused, or leaves more than one leaf', () => {
  fc.assert(
    fc.property(
      anyDevices,
      fc.constantFrom(1, 3, 1_000),
      fc.array(anyStep, { maxLength: 40 }),
      (devices, revsLimit, steps) => {
        const first = treeOf(revision([1]));
        const world: World = {
          devices: devices.map((device) => ({ ...device, tree: first })),
          revsLimit,
          server: first,
          all: emptyDocument,
          step: 1,
        };
        for (const step of steps) {
          step(world);
          expect(leavesOf(world.server)).toHaveLength(1);
        }
        for (const device of world.devices) pushAll(world, device);
        for (const device of world.devices) pull(world, device);
        expect(documentsOf(world.server).map(canonicalJson)).toEqual([canonicalJson(world.all)]);
        for (const { tree } of world.devices)
          expect(canonicalJson(documentsOf(tree)[0])).toBe(canonicalJson(world.all));
        // Nothing is left to do.
        const before = world.server;
        for (const device of world.devices) pushAll(world, device);
        expect(documentsOf(world.server)).toEqual(documentsOf(before));
      },
    ),
    { numRuns: 1_000 },
  );
});

/** A revision in one of two binary trees, of which the registry has the first one's root. A path may be cut off. */
const anyPath = fc
  .record({
    tree: fc.constantFrom(0, 100),
    node: fc.integer({ min: 1, max: 15 }),
    length: fc.integer({ min: 1, max: 4 }),
  })
  .map(({ tree, node, length }) => {
    const path = [node, node >> 1, node >> 2, node >> 3].filter((id) => id > 0).map((id) => tree + id);
    return { ids: path.slice(0, length), generation: path.length };
  });
const anyDocument = fc
  .array(fc.record({ patch: anyPatch, minute: fc.integer({ min: 10, max: 15 }) }), { maxLength: 2 })
  .map((edits) =>
    edits.reduce<Document>(
      (document, { patch, minute }) => applyEdit<Values>(document, patch, `2026-11-22T10:${minute}:00.000Z-0000-abcde`),
      emptyDocument,
    ),
  );
const anyLive = fc
  .record({ path: anyPath, document: anyDocument })
  .map(({ path: { ids, generation }, document }) => ({ document, row: revision(ids, document, generation) }));
const anyRow = fc.oneof(
  { weight: 3, arbitrary: anyLive.map(({ row }) => row) },
  { weight: 1, arbitrary: anyPath.map(({ ids, generation }) => tombstone(ids, generation)) },
);

it('for any rows, in any number of batches, one live leaf remains, and the same rows again change nothing', () => {
  fc.assert(
    fc.property(fc.array(fc.array(anyRow, { maxLength: 4 }), { maxLength: 4 }), (batches) => {
      let tree = treeOf(revision([1]));
      for (const rows of batches) {
        tree = push(tree, ...rows).tree;
        expect(liveLeaves(tree)).toHaveLength(1);
        expect(push(tree, ...rows).writes).toBe(0);
      }
    }),
    { numRuns: 2_000 },
  );
});

it('rows that are merged give the same content in any order and in any batches', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(anyLive, { maxLength: 5, selector: ({ row }) => row['_rev'] }),
      fc.array(fc.nat(), { maxLength: 5 }),
      fc.boolean(),
      (rows, order, isOneBatch) => {
        // None of them descends from the leaf, or from another one.
        const tree = treeOf(revision([99, 98]));
        const documents = rows.map(({ row }) => ({ ...row, _revisions: undefined }));
        const shuffled = documents.toSorted(
          (a, b) => (order[documents.indexOf(a)] ?? 0) - (order[documents.indexOf(b)] ?? 0),
        );
        const expected = rows.reduce(
          (merged, { document }) => merge<Values>([merged, document]),
          merge<Values>([emptyDocument]),
        );
        const pushed = isOneBatch
          ? push(tree, ...shuffled).tree
          : shuffled.reduce((grown, row) => push(grown, row).tree, tree);
        expect(documentsOf(pushed).map(canonicalJson)).toEqual([canonicalJson(expected)]);
        expect(leavesOf(pushed)).toHaveLength(1);
      },
    ),
    { numRuns: 1_000 },
  );
});
