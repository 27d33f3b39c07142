/**
 * CouchDB's choice among the leaves of a document. A leaf is a revision without children. A plain read returns the winning leaf.
 * This is a separate module because the client needs it only for its database in memory, which it loads later.
 */
import { compareRevisions, type Revision } from './revision-order.ts';

export interface Leaf {
  readonly rev: Revision;
  readonly deleted?: boolean | undefined;
}

const compareLeaves = (a: Leaf, b: Leaf): number => {
  const [left, right] = [a.deleted === true ? 0 : 1, b.deleted === true ? 0 : 1];
  return left === right ? compareRevisions(a.rev, b.rev) : left - right;
};

/** Returns CouchDB's winner: a live leaf before a deleted one, then the greater revision. `undefined` without leaves. */
export const winningRevision = <L extends Leaf>(leaves: readonly L[]): L | undefined => {
  const [first, ...rest] = leaves;
  return first === undefined
    ? undefined
    : rest.reduce((best, leaf) => (compareLeaves(leaf, best) > 0 ? leaf : best), first);
};
