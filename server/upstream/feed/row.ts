import { isObject } from '../../lib/json.ts';

/** One change as CouchDB's feed tells it with `style=all_docs`: the document and every leaf it has now. */
export interface FeedRow {
  readonly kind: 'change';
  /** Where to go on from; opaque but for its number in front. */
  readonly seq: string;
  readonly id: string;
  /** Every leaf's revision, deleted leaves too; the winner first. */
  readonly leaves: readonly string[];
  /** True when the winning leaf is a deletion. */
  readonly deleted: boolean;
  readonly doc: Readonly<Record<string, unknown>> | undefined;
}

/** A feed's last line when CouchDB ends it: nothing changed, but the sequence is one to go on from. */
export interface FeedEnd {
  readonly kind: 'end';
  readonly seq: string;
}

const parseLeaf = (value: unknown): string => {
  if (!isObject(value) || typeof value['rev'] !== 'string') throw new Error('a change without its revision');
  return value['rev'];
};

/** A sequence is a string in CouchDB and a number in the embedded engine. */
export function parseSeq(value: unknown): string {
  if (typeof value === 'string' || typeof value === 'number') return String(value);
  throw new Error('a sequence that is neither text nor a number');
}

/** Reads one result of `_changes`, or the last line of a feed. Throws on anything else: then the feed is not CouchDB's. */
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

/** The number in front of a sequence (`42-g1AAA…` or `42`): comparable within one database, 0 when there is none. */
export function seqNumber(seq: string): number {
  const number = Number.parseInt(seq, 10);
  return Number.isSafeInteger(number) ? number : 0;
}
