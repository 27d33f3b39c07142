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

/** A revision, with its neighbours. */
export interface StoredRevision {
  readonly rev: string;
  readonly generation: number;
  readonly id: string;
  readonly deleted: boolean;
  /** False after a compaction, and for an ancestor of which only the id was replicated. */
  readonly hasBody: boolean;
  readonly parent: StoredRevision | undefined;
  readonly children: readonly StoredRevision[];
}

/** The revisions of a document. Every operation costs at most the number of revisions that it returns; reading a tree, that of all. */
export class StoredRevisions {
  /** All leaves, the winner first: live before deleted, then the higher generation, then the greater id. */
  readonly leaves: readonly StoredRevision[];
  readonly #byRevision = new Map<string, StoredRevision>();

  constructor(tree: RevisionTree = []) {
    const leaves: StoredRevision[] = [];
    for (const { pos, ids } of tree) leaves.push(...this.#addTree(pos, ids));
    this.leaves = leaves.sort(compareLeaves);
  }

  get(rev: string): StoredRevision | undefined {
    return this.#byRevision.get(rev);
  }

  /** Returns the leaves that are `rev` or descend from it. */
  leavesFrom(rev: string): StoredRevision[] {
    const root = this.#byRevision.get(rev);
    const leaves: StoredRevision[] = [];
    const stack = root === undefined ? [] : [root];
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      if (next.children.length === 0) leaves.push(next);
      for (const child of next.children) stack.push(child);
    }
    return leaves.sort(compareLeaves);
  }

  /** Adds a tree of any depth. Returns its leaves. */
  #addTree(pos: number, ids: TreeNode): StoredRevision[] {
    const leaves: StoredRevision[] = [];
    const stack: { node: TreeNode; generation: number; parent?: StoredRevision & { children: StoredRevision[] } }[] = [
      { node: ids, generation: pos },
    ];
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      const { node, generation, parent } = next;
      const [id, state, children] = node;
      const revision = {
        rev: `${generation}-${id}`,
        generation,
        id,
        deleted: state.deleted === true,
        hasBody: state.status !== 'missing',
        parent,
        children: [],
      };
      this.#byRevision.set(revision.rev, revision);
      parent?.children.push(revision);
      if (children.length === 0) leaves.push(revision);
      for (const child of children) stack.push({ node: child, generation: generation + 1, parent: revision });
    }
    return leaves;
  }
}

function compareLeaves(a: StoredRevision, b: StoredRevision): number {
  if (a.deleted !== b.deleted) return a.deleted ? 1 : -1;
  if (a.generation !== b.generation) return b.generation - a.generation;
  return a.id < b.id ? 1 : -1;
}

/** Yields a revision and its ancestors, newest first. */
export function* ancestry(revision: StoredRevision | undefined): Generator<StoredRevision> {
  for (let next = revision; next !== undefined; next = next.parent) yield next;
}

/** Returns the `_revisions` of a revision. */
export const historyOf = (revision: StoredRevision): { start: number; ids: readonly string[] } => ({
  start: revision.generation,
  ids: Array.from(ancestry(revision), ({ id }) => id),
});
