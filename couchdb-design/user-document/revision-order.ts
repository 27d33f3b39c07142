/**
 * Revisions as CouchDB orders them. A leaf is a revision that has no child; the winner of the leaves is what a plain
 * read gives. https://docs.couchdb.org/en/stable/replication/conflicts.html
 */

/** `<generation>-<32 hex digits>`. */
export type Revision = string;

export interface RevisionParts {
  /** The revision's depth in its tree, from 1. */
  readonly generation: number;
  /** 32 hex digits, lower case. */
  readonly id: string;
}

const REVISION = /^([1-9][0-9]{0,9})-([0-9a-f]{32})$/;
/** Far beyond what edits reach; a forged one beyond it would end up where numbers lose their last digits. */
const MAX_GENERATION = 1e9;

export const parseRevision = (value: unknown): RevisionParts | undefined => {
  if (typeof value !== 'string') return undefined;
  const [, digits = '0', id = ''] = REVISION.exec(value) ?? [];
  const generation = Number(digits);
  return generation >= 1 && generation <= MAX_GENERATION ? { generation, id } : undefined;
};

export const isRevision = (value: unknown): value is Revision => parseRevision(value) !== undefined;

/** What CouchDB itself may have stored, by an administrator, is wider than what we take: it is ordered all the same. */
const generationOf = (revision: Revision): number => Number.parseInt(revision, 10) || 0;

/** By generation, then by id: less than 0 when `a` loses to `b`. For any two strings. */
export const compareRevisions = (a: Revision, b: Revision): number =>
  generationOf(a) - generationOf(b) || (a < b ? -1 : Number(a > b));

export interface Leaf {
  readonly rev: Revision;
  readonly deleted?: boolean | undefined;
}

const compareLeaves = (a: Leaf, b: Leaf): number => {
  const [left, right] = [a.deleted === true ? 0 : 1, b.deleted === true ? 0 : 1];
  return left === right ? compareRevisions(a.rev, b.rev) : left - right;
};

/** CouchDB's winner: a live leaf before a deleted one, then the greater revision. `undefined` when there is no leaf. */
export const winningRevision = <L extends Leaf>(leaves: readonly L[]): L | undefined => {
  const [first, ...rest] = leaves;
  return first === undefined
    ? undefined
    : rest.reduce((best, leaf) => (compareLeaves(leaf, best) > 0 ? leaf : best), first);
};
