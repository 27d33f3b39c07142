import { isObject } from '../../lib/json.ts';

/** One row of a feed with `style=all_docs`: a changed document and all its leaves. */
export interface FeedRow {
  readonly kind: 'change';
  /** Resumption point. Opaque except for the leading number. */
  readonly seq: string;
  readonly id: string;
  /** Revisions of all leaves, deleted ones included, the winner first. */
  readonly leaves: readonly string[];
  /** True when the winning leaf is a deletion. */
  readonly deleted: boolean;
  readonly doc: Readonly<Record<string, unknown>> | undefined;
}

/** The last line of a feed that CouchDB ends: no change, but a sequence to resume from. */
export interface FeedEnd {
  readonly kind: 'end';
  readonly seq: string;
}

const parseLeaf = (value: unknown): string => {
  if (!isObject(value) || typeof value['rev'] !== 'string') throw new Error('a change without a revision');
  return value['rev'];
};

/** Returns a sequence as text. It is a string in CouchDB and may be a number elsewhere. Throws on anything else. */
export function parseSeq(value: unknown): string {
  if (typeof value === 'string' || typeof value === 'number') return String(value);
  throw new Error('a sequence that is neither a string nor a number');
}

/** Parses one result of `_changes`, or the last line of a feed. Throws on anything else: the feed is not CouchDB's. */
export function parseFeedRow(value: unknown): FeedRow | FeedEnd {
  if (!isObject(value)) throw new Error('a feed line that is not an object');
  if ('last_seq' in value) return { kind: 'end', seq: parseSeq(value['last_seq']) };
  const { id, changes, doc } = value;
  if (typeof id !== 'string' || !Array.isArray(changes)) throw new Error('a feed line that is not a change');
  return {
    kind: 'change',
    seq: parseSeq(value['seq']),
    id,
    leaves: changes.map(parseLeaf),
    deleted: value['deleted'] === true,
    doc: isObject(doc) ? doc : undefined,
  };
}

/** Returns the leading number of a sequence (`42-g1AAA…` or `42`), or 0. Comparable within one database only. */
export function seqNumber(seq: string): number {
  const number = Number.parseInt(seq, 10);
  return Number.isSafeInteger(number) ? number : 0;
}
