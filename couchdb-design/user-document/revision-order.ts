/**
 * CouchDB's order of revisions.
 * https://docs.couchdb.org/en/stable/replication/conflicts.html
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
/** Far beyond what edits reach. A forged generation beyond it would lead to numbers that lose precision. */
const MAX_GENERATION = 1e9;

/** Returns the parts of a revision; `undefined` for any other value. */
export const parseRevision = (value: unknown): RevisionParts | undefined => {
  if (typeof value !== 'string') return undefined;
  const [, digits = '0', id = ''] = REVISION.exec(value) ?? [];
  const generation = Number(digits);
  return generation >= 1 && generation <= MAX_GENERATION ? { generation, id } : undefined;
};

export const isRevision = (value: unknown): value is Revision => parseRevision(value) !== undefined;

/**
 * Returns a revision's generation; 0 if it has none. Accepts any string: an administrator may have stored revisions in CouchDB that
 * parseRevision does not accept.
 */
export const generationOf = (revision: Revision): number => Number.parseInt(revision, 10) || 0;

/** Compares any two strings by generation, then by id. Returns less than 0 when `a` loses to `b`. */
export const compareRevisions = (a: Revision, b: Revision): number =>
  generationOf(a) - generationOf(b) || (a < b ? -1 : Number(a > b));
