/**
 * PouchDB's revision tree: `pos` is the generation of the root, a node is `[id, {status, deleted}, children]`.
 * What is asked of it here, PouchDB's own API answers only in part, or wrongly for a root of a high generation.
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
  /** From the leaf itself back to the root: `_revisions.ids`. */
  readonly path: readonly string[];
}

/** Every leaf, the winner first: alive before deleted, then the higher generation, then the greater id. */
export function leavesOf(tree: RevisionTree): Leaf[] {
  const leaves: Leaf[] = [];
  const todo = tree.map(({ pos, ids }) => ({ generation: pos, node: ids, above: [] as readonly string[] }));
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    const [id, state, children] = next.node;
    const path = [id, ...next.above];
    const generation = next.generation;
    if (children.length === 0) {
      leaves.push({ rev: `${generation}-${id}`, generation, id, deleted: state.deleted === true, path });
    }
    for (const node of children) todo.push({ generation: generation + 1, node, above: path });
  }
  return leaves.sort(compareLeaves);
}

function compareLeaves(a: Leaf, b: Leaf): number {
  if (a.deleted !== b.deleted) return a.deleted ? 1 : -1;
  if (a.generation !== b.generation) return b.generation - a.generation;
  return a.id < b.id ? 1 : -1;
}

/** Every revision that the tree knows, with or without a body. */
export function revisionsOf(leaves: readonly Leaf[]): Set<string> {
  return new Set(leaves.flatMap(({ generation, path }) => path.map((id, back) => `${generation - back}-${id}`)));
}

/** The leaves that descend from `rev`, or are it. */
export function leavesFrom(leaves: readonly Leaf[], rev: string): Leaf[] {
  return leaves.filter(({ generation, path }) => path.some((id, back) => `${generation - back}-${id}` === rev));
}

/** `_revisions` of a revision in the tree. */
export function historyOf(leaves: readonly Leaf[], rev: string): { start: number; ids: readonly string[] } | undefined {
  for (const { generation, path } of leaves) {
    const back = path.findIndex((id, steps) => `${generation - steps}-${id}` === rev);
    if (back >= 0) return { start: generation - back, ids: path.slice(back) };
  }
  return undefined;
}
