/**
 * PouchDB's revision tree: `pos` is the generation of the root, a node is `[id, {status, deleted}, children]`.
 * These functions replace PouchDB's own API, which is incomplete, or wrong for a root of a high generation.
 */
export type TreeNode = readonly [
  id: string,
  state: { readonly status?: string; readonly deleted?: boolean },
  readonly TreeNode[],
];
export type RevisionTree = readonly { readonly pos: number; readonly ids: TreeNode }[];

export interface Leaf {
  readonly rev: string;
  readonly generation: number;
  readonly id: string;
  readonly deleted: boolean;
  /** Revision ids from the leaf to the root: `_revisions.ids`. */
  readonly path: readonly string[];
}

/** Returns all leaves, the winner first: live before deleted, then the higher generation, then the greater id. */
export function leavesOf(tree: RevisionTree): Leaf[] {
  const leaves: Leaf[] = [];
  const stack = tree.map(({ pos, ids }) => ({ generation: pos, node: ids, ancestors: [] as readonly string[] }));
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const [id, state, children] = next.node;
    const path = [id, ...next.ancestors];
    const generation = next.generation;
    if (children.length === 0) {
      leaves.push({ rev: `${generation}-${id}`, generation, id, deleted: state.deleted === true, path });
    }
    for (const node of children) stack.push({ generation: generation + 1, node, ancestors: path });
  }
  return leaves.sort(compareLeaves);
}

function compareLeaves(a: Leaf, b: Leaf): number {
  if (a.deleted !== b.deleted) return a.deleted ? 1 : -1;
  if (a.generation !== b.generation) return b.generation - a.generation;
  return a.id < b.id ? 1 : -1;
}

/** Returns every revision in the tree, with or without a body. */
export function revisionsOf(leaves: readonly Leaf[]): Set<string> {
  return new Set(leaves.flatMap(({ generation, path }) => path.map((id, depth) => `${generation - depth}-${id}`)));
}

/** Returns the leaves that are `rev` or descend from it. */
export function leavesFrom(leaves: readonly Leaf[], rev: string): Leaf[] {
  return leaves.filter(({ generation, path }) => path.some((id, depth) => `${generation - depth}-${id}` === rev));
}

/** Returns the `_revisions` of a revision; undefined when it is not in the tree. */
export function historyOf(leaves: readonly Leaf[], rev: string): { start: number; ids: readonly string[] } | undefined {
  for (const { generation, path } of leaves) {
    const index = path.findIndex((id, depth) => `${generation - depth}-${id}` === rev);
    if (index >= 0) return { start: generation - index, ids: path.slice(index) };
  }
  return undefined;
}
