import { canonicalJson } from '../../../couchdb-design/user-document/canonical-json.ts';
import {
  descendantPath,
  paddedPath,
  revisionMembers,
} from '../../../couchdb-design/user-document/descendant-revision.ts';
import type { PreferenceSchema, Values } from '../../../couchdb-design/user-document/preference-schema.ts';
import { generationOf } from '../../../couchdb-design/user-document/revision-order.ts';
import { compareRevisions, type Revision } from '../../../couchdb-design/user-document/revisions.ts';
import type { UserDocument } from '../../../couchdb-design/user-document/user-document.ts';
import { createTombstone } from '../../../couchdb-design/user-document/resolve-conflict.ts';
import { keysOf, merge, stampOf } from '../../../couchdb-design/user-document/merge.ts';
import type { JsonObject } from '../../lib/json.ts';
import { MergedContent } from './merged-content.ts';
import { refuse, refuseViolation, type Refusal, type ReplicatedRow } from './parse-row.ts';
import {
  addRevision,
  hasRevision,
  isOnPath,
  liveBranches,
  type Branch,
  type RevisionPath,
  type RevisionTree,
} from './revision-tree.ts';
import type { ReadableContent } from './read-content.ts';
import { findReason, isExactlyStored, LAST_LIVE_REVISION, liveDocuments, writeBase } from './write-base.ts';

/** The row's content is in the document, but its revision is not, and need not be sent again. */
export interface MergedRow {
  readonly kind: 'merged';
  readonly id: string;
  readonly rev: Revision;
}

/** The database has the row's revision. */
export interface KnownRow {
  readonly kind: 'known';
}

export type RowVerdict = ReplicatedRow | MergedRow | KnownRow | Refusal;

export interface RowsDecision {
  /** In the order of the rows. A replicated row is stored as it is. */
  readonly verdicts: readonly RowVerdict[];
  /** The documents to send upstream, in this order, with `new_edits:false`. */
  readonly documents: readonly JsonObject[];
  /** The path of the winner after that, which contains all merged rows; undefined when there is no live leaf. */
  readonly current: RevisionPath | undefined;
}

/** The highest generation of a document's first revision. Generations only increase, and a number loses precision above 2^53. */
const MAX_FIRST_GENERATION = 1_000_000;
/**
 * How far the generation of a merge may be above the winner's, which is how many edits a device has made since it last pulled.
 * Beyond that the merge has the next generation: a path costs 35 bytes for each generation, and the embedded engine's time grows with
 * its square (0.1 s for 3,000, one second for 9,000). A forged generation must not determine that.
 */
const MAX_PADDING = 3_000;
/**
 * How many rows of a batch are checked against the document, which takes up to milliseconds each. PouchDB sends 100 rows at a time,
 * and older revisions add nothing to a device's newest ones, which come first.
 */
const MAX_CHECKS = 200;
const TOO_MANY_CHANGES = `At most ${MAX_CHECKS} revisions with changes are accepted at a time.`;

/**
 * Decides what becomes of replicated revisions (`new_edits:false`), so that a document gets no conflicts: a revision that is no
 * descendant of a live leaf is merged into the document. Every such conflict would leave a deleted leaf forever.
 *
 * Live rows come before deleted ones, descendants of live leaves before others, and newer ones before older ones: so most rows of
 * a device with many leaves are known or add nothing.
 */
export function decideRows(
  rows: readonly (ReplicatedRow | Refusal)[],
  tree: RevisionTree,
  schema: PreferenceSchema,
): RowsDecision {
  const batch = new RowBatch(tree, schema);
  const verdicts = new Map<ReplicatedRow, RowVerdict>();
  const replicated = rows.filter((row) => row.kind === 'replicated');
  const newestFirst = replicated
    .map((row) => ({ row, rank: Number(batch.extendsLiveLeaf(row)) }))
    .sort((a, b) => b.rank - a.rank || compareRevisions(b.row.rev, a.row.rev))
    .map(({ row }) => row);
  for (const row of newestFirst)
    if (row.content.kind === 'readable') verdicts.set(row, batch.addDocument(row, row.content));
  batch.storeMerge();
  for (const row of newestFirst) if (row.content.kind === 'deleted') verdicts.set(row, batch.addDeletion(row));
  return {
    verdicts: rows.map((row) => (row.kind === 'refusal' ? row : (verdicts.get(row) ?? { kind: 'known' }))),
    documents: batch.documents,
    current: batch.winner()?.path,
  };
}

type Document = UserDocument<Values>;

class RowBatch {
  readonly documents: JsonObject[] = [];
  readonly #schema: PreferenceSchema;
  #tree: RevisionTree;
  /** Undefined until a row is merged. */
  #merged: MergedContent | undefined;
  readonly #mergedRows: ReplicatedRow[] = [];
  #checkCount = 0;

  constructor(tree: RevisionTree, schema: PreferenceSchema) {
    this.#tree = tree;
    this.#schema = schema;
  }

  winner(): Branch | undefined {
    return liveBranches(this.#tree)[0];
  }

  extendsLiveLeaf({ path }: ReplicatedRow): boolean {
    return liveBranches(this.#tree).some(({ path: [leaf] }) => isOnPath(path, leaf));
  }

  /** Decides about a row that is not deleted. */
  addDocument(row: ReplicatedRow, { document, difference }: ReadableContent): RowVerdict {
    if (hasRevision(this.#tree, row.rev)) return { kind: 'known' };
    const live = liveBranches(this.#tree);
    const stored = liveDocuments(live);
    if (!stored.ok) return refuseRow(row, stored.reason);
    const isBranch = live.length > 0 && !this.extendsLiveLeaf(row);
    // A branch may be based on a revision with the same flaw, which was repaired since.
    if (difference !== undefined && isExactlyStored(live) && !isBranch) return refuseContent(row, difference);
    // A replicated revision is stored unchanged or not at all.
    const isStored = live.length === 0 || (difference === undefined && !isBranch);
    if (!isStored) return this.#merge(row, document, stored.documents);
    if (live.length === 0 && generationOf(row.rev) > MAX_FIRST_GENERATION)
      return refuseRow(row, 'The generation of the revision is too high.');
    if (!this.#mayCheck()) return refuseRow(row, TOO_MANY_CHANGES);
    const reason = findReason(writeBase(stored.documents, document), document, this.#schema);
    if (reason !== undefined) return refuseContent(row, reason);
    this.#store(row.document, row);
    return row;
  }

  /** Whether one more row may be checked. */
  #mayCheck(): boolean {
    this.#checkCount += 1;
    return this.#checkCount <= MAX_CHECKS;
  }

  /** Decides about a deleted row. It is stored only where it resolves a conflict of the document. */
  addDeletion(row: ReplicatedRow): RowVerdict {
    if (hasRevision(this.#tree, row.rev)) return { kind: 'known' };
    const live = liveBranches(this.#tree);
    const others = live.filter(({ path: [leaf] }) => !isOnPath(row.path, leaf));
    if (others.length === 0) return refuseRow(row, LAST_LIVE_REVISION);
    if (others.length === live.length) return mergedRow(row);
    this.#store(row.document, row);
    return row;
  }

  /** Adds a revision with what the merged rows change, unless the winner has it all and is above them. */
  storeMerge(): void {
    const [winner, ...losers] = liveBranches(this.#tree);
    const newest = this.#mergedRows.toSorted((a, b) => compareRevisions(b.rev, a.rev))[0];
    if (winner?.content.kind !== 'readable' || this.#merged === undefined || newest === undefined) return;
    const { document } = this.#merged;
    const [leaf] = winner.path;
    const generation = Math.max(generationOf(leaf), generationOf(newest.rev)) + 1;
    const isReachable = generation - generationOf(leaf) <= MAX_PADDING;
    const ancestors = winner.path.slice(1);
    const ownPath = isReachable ? this.#findOwnPath(newest, leaf) : undefined;
    if (ownPath !== undefined) {
      this.#store(newest.document, { path: ownPath, content: newest.content }, ancestors);
    } else {
      const isNew = canonicalJson(document) !== canonicalJson(winner.content.document);
      if (!isNew && !(isReachable && compareRevisions(newest.rev, leaf) > 0)) return;
      const path = descendantPath(leaf, isReachable ? generation : generationOf(leaf) + 1, document);
      this.#store({ ...document }, { path, content: { kind: 'readable', document, difference: undefined } }, ancestors);
    }
    for (const { path: loser } of losers) {
      const tombstone = createTombstone(document._id, loser[0]);
      this.#store({ ...tombstone }, { path: [tombstone._rev, ...loser], content: { kind: 'deleted' } });
    }
  }

  /**
   * Returns the path by which the row itself can descend from the leaf; undefined if it must be merged. A device that keeps few
   * ancestors (`revs_limit: 1`) sends a descendant of the leaf without the path to it. If the row were merged, the device would get
   * a conflict with each of its edits. As in a descendant, values without a stamp may have changed.
   */
  #findOwnPath(row: ReplicatedRow, leaf: Revision): RevisionPath | undefined {
    const { path, content } = row;
    const oldest = path.at(-1) ?? path[0];
    const isApart = generationOf(oldest) > generationOf(leaf) && !path.some((rev) => hasRevision(this.#tree, rev));
    if (!isApart || content.kind !== 'readable' || content.difference !== undefined) return undefined;
    const stored = liveDocuments(liveBranches(this.#tree));
    const own = new MergedContent(content.document);
    const hasAllEditsOf = (document: Document): boolean =>
      keysOf(document).every((key) => stampOf(document, key) === undefined || !own.loses(key, document));
    if (!stored.ok || !stored.documents.every(hasAllEditsOf)) return undefined;
    const hasAllRows = this.#mergedRows.every(
      (other) => other.content.kind !== 'readable' || !own.isChangedBy(other.content.document),
    );
    const isAccepted = (): boolean =>
      findReason(writeBase(stored.documents, content.document), content.document, this.#schema) === undefined;
    return hasAllRows && isAccepted() ? [...path, ...paddedPath(leaf, generationOf(oldest) - 1)] : undefined;
  }

  #merge(row: ReplicatedRow, document: Document, stored: readonly Document[]): RowVerdict {
    const [first, ...others] = stored;
    if (first === undefined) return refuseRow(row, LAST_LIVE_REVISION);
    this.#merged ??= new MergedContent(merge([first, ...others]));
    if (this.#merged.isChangedBy(document) && !this.#mayCheck()) return refuseRow(row, TOO_MANY_CHANGES);
    const change = this.#merged.changeBy(document);
    if (change !== undefined) {
      const reason = findReason(change.before, change.after, this.#schema, change.otherBytes);
      if (reason !== undefined) return refuseContent(row, reason);
      this.#merged.apply(change);
    }
    this.#mergedRows.push(row);
    return mergedRow(row);
  }

  #store(document: JsonObject, { path, content }: Branch, ancestors: readonly Revision[] = []): void {
    this.documents.push({ ...document, ...revisionMembers(path) });
    this.#tree = addRevision(this.#tree, { path: [...path, ...ancestors], content });
  }
}

const refuseRow = ({ document, rev }: ReplicatedRow, reason: string): Refusal =>
  refuse({ ...document, _rev: rev }, reason);

const refuseContent = ({ document, rev }: ReplicatedRow, reason: string): Refusal =>
  refuseViolation({ ...document, _rev: rev }, reason);

const mergedRow = ({ document, rev }: ReplicatedRow): MergedRow => ({
  kind: 'merged',
  id: String(document['_id']),
  rev,
});
