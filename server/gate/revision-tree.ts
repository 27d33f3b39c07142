import { isRevision, type Revision } from '../../couchdb-design/user-document/revisions.ts';
import { isStringArray, getProperty } from '../lib/json.ts';

/** The revisions from a leaf to the root, newest first, as far as a replica still has them. */
export type RevisionPath = readonly [Revision, ...Revision[]];

/** A leaf and its content. */
export interface Leaf<C> {
  readonly rev: Revision;
  readonly content: C;
}

/** A revision with its path. */
export interface Branch<C> {
  readonly path: RevisionPath;
  readonly content: C;
}

/** Parses `_revisions: {start, ids}` into revisions, newest first. Returns undefined when it is malformed. */
export function parseRevisionPath(revisions: unknown): RevisionPath | undefined {
  const start = getProperty(revisions, 'start');
  const ids = getProperty(revisions, 'ids');
  if (typeof start !== 'number' || !isStringArray(ids) || ids.length > start) return undefined;
  const [leaf, ...ancestors] = ids.map((id, index) => `${start - index}-${id}`);
  return leaf !== undefined && [leaf, ...ancestors].every(isRevision) ? [leaf, ...ancestors] : undefined;
}

/**
 * A document's revision tree: each revision once, with its parent. Every operation costs at most the number of revisions that are new
 * or returned. A method that returns leaves returns the deleted ones too, unless its name says otherwise.
 */
export class RevisionTree<C> {
  readonly #parents: Map<Revision, Revision | undefined>;
  readonly #leaves: Map<Revision, C>;

  private constructor(parents: Map<Revision, Revision | undefined>, leaves: Map<Revision, C>) {
    this.#parents = parents;
    this.#leaves = leaves;
  }

  /** Returns the tree of a document that has none of these revisions yet, after they were stored in this order. */
  static of<C>(branches: Iterable<Branch<C>> = []): RevisionTree<C> {
    const tree = new RevisionTree<C>(new Map(), new Map());
    for (const { path, content } of branches) tree.add(path, content);
    return tree;
  }

  copy(): RevisionTree<C> {
    return new RevisionTree(new Map(this.#parents), new Map(this.#leaves));
  }

  /** The number of revisions. */
  get size(): number {
    return this.#parents.size;
  }

  /** Whether the tree has a revision, as a leaf or below one. */
  has(rev: Revision): boolean {
    return this.#parents.has(rev);
  }

  isLeaf(rev: Revision | undefined): boolean {
    return rev !== undefined && this.#leaves.has(rev);
  }

  leaves(): readonly Leaf<C>[] {
    return Array.from(this.#leaves, ([rev, content]) => ({ rev, content }));
  }

  /** Returns the revisions from this one to the root, or to the first ancestor for which `isLast` returns true. */
  pathOf(rev: Revision, isLast: (ancestor: Revision) => boolean = () => false): RevisionPath {
    const path: [Revision, ...Revision[]] = [rev];
    for (let next = this.#parents.get(rev); next !== undefined; next = this.#parents.get(next)) {
      path.push(next);
      if (isLast(next)) break;
    }
    return path;
  }

  /**
   * Returns the part of a path that is new, down to its newest revision that the tree has. That one is undefined if the tree has none.
   * A database needs no more to attach the revision. What a client lists below it is not stored: it could only differ from the tree,
   * and would then be a conflict.
   */
  newPartOf(path: RevisionPath): { readonly added: readonly Revision[]; readonly parent: Revision | undefined } {
    const index = path.findIndex((rev) => this.has(rev));
    return index < 0 ? { added: path, parent: undefined } : { added: path.slice(0, index), parent: path[index] };
  }

  /**
   * Adds a replicated revision (`new_edits:false`). A known revision changes nothing, one that descends from a leaf replaces it, and
   * any other is a new leaf.
   */
  add(path: Iterable<Revision>, content: C): void {
    let child: Revision | undefined;
    for (const rev of path) {
      const isKnown = this.#parents.has(rev);
      if (child === undefined && isKnown) return;
      if (child === undefined) this.#leaves.set(rev, content);
      else {
        this.#parents.set(child, rev);
        this.#leaves.delete(rev);
      }
      // A root may get a parent: it was stemmed in one path and not in the other.
      if (isKnown && this.#parents.get(rev) !== undefined) return;
      if (!isKnown) this.#parents.set(rev, undefined);
      child = rev;
    }
  }
}

/** Yields the revisions of `_revisions` as the database returned it. Other than a client's, its ids may have any form. */
export function* storedPath(rev: Revision, revisions: unknown): Generator<Revision> {
  const ids = getProperty(revisions, 'ids');
  const start = getProperty(revisions, 'start');
  if (!Array.isArray(ids) || typeof start !== 'number') {
    yield rev;
    return;
  }
  let generation = start;
  for (const id of ids as readonly unknown[]) {
    yield `${generation}-${String(id)}`;
    generation -= 1;
  }
}
