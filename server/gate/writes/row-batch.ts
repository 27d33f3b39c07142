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
import { liveLeaves, type DocumentLeaf, type DocumentTree, type LeafContent } from './document-tree.ts';
import { maxPadding } from './max-padding.ts';
import { MergedContent } from './merged-content.ts';
import { refuse, refuseViolation, type Refusal, type ReplicatedRow } from './parse-row.ts';
import type { ReadableContent } from './read-content.ts';
import type { RevisionPath } from '../revision-tree.ts';
import type { MergedRow, RowVerdict } from './row-verdict.ts';
import {
  findReason,
  isExactlyStored,
  LAST_LIVE_REVISION,
  liveDocuments,
  writeBase,
  type LiveDocuments,
} from './write-base.ts';

type Document = UserDocument<Values>;

/** The highest generation of a document's first revision. Generations only increase, and a number loses precision above 2^53. */
const MAX_FIRST_GENERATION = 1_000_000;
/** CouchDB's `revs_limit`, beyond which it would forget the older revisions of a path at once. */
const MAX_STORED_PATH = 1_000;
/**
 * How many revisions a batch may add to a branch. A device sends at most `revs_limit` of them, and one batch may have the leaves of
 * several devices. A row with more is merged.
 */
const MAX_NEW_REVISIONS = 3_000;
/**
 * How many rows of a batch are checked against the document, which takes up to milliseconds each. PouchDB sends 100 rows at a time,
 * and older revisions add nothing to a device's newest ones, which come first.
 */
const MAX_CHECKS = 200;
const TOO_MANY_CHANGES = `At most ${MAX_CHECKS} revisions with changes are accepted at a time.`;

/** The live leaves of a tree, and what they contain. */
interface LiveState {
  readonly leaves: readonly DocumentLeaf[];
  readonly stored: LiveDocuments;
  readonly isExact: boolean;
}

function liveStateOf(tree: DocumentTree): LiveState {
  const leaves = liveLeaves(tree);
  return { leaves, stored: liveDocuments(leaves), isExact: isExactlyStored(leaves) };
}

/** Decides about the rows of a batch, one after another, and collects what is stored. */
export class RowBatch {
  /** What is stored so far, without its path. */
  readonly #stored = new Map<Revision, JsonObject>();
  readonly #schema: PreferenceSchema;
  /** The tree in the database. */
  readonly #before: DocumentTree;
  /** The tree after what is stored so far. */
  readonly #tree: DocumentTree;
  /** The live leaves. It changes with each stored revision. */
  readonly #liveRevisions: Set<Revision>;
  /** Undefined after a revision was stored, until it is needed. */
  #liveState: LiveState | undefined;
  /** Undefined until a row is merged. */
  #merged: MergedContent | undefined;
  readonly #mergedRows: ReplicatedRow[] = [];
  #checkCount = 0;
  #newRevisionCount = 0;

  constructor(tree: DocumentTree, schema: PreferenceSchema) {
    this.#before = tree;
    this.#tree = tree.copy();
    this.#liveState = liveStateOf(tree);
    this.#liveRevisions = new Set(this.#liveState.leaves.map(({ rev }) => rev));
    this.#schema = schema;
  }

  get #live(): LiveState {
    this.#liveState ??= liveStateOf(this.#tree);
    return this.#liveState;
  }

  /**
   * The documents to send, each with its path down to a revision that the database has. CouchDB does not store a revision of a batch that
   * another one of the batch descends from, so those are left out, and no path ends at one.
   */
  documents(): readonly JsonObject[] {
    return [...this.#stored]
      .filter(([rev]) => this.#tree.isLeaf(rev))
      .map(([rev, document]) => {
        const path = this.#tree.pathOf(rev, (ancestor) => this.#before.has(ancestor));
        return { ...document, ...revisionMembers(path) };
      });
  }

  winnerPath(): RevisionPath | undefined {
    const [winner] = this.#live.leaves;
    return winner === undefined ? undefined : this.#tree.pathOf(winner.rev);
  }

  extendsLiveLeaf({ path }: ReplicatedRow): boolean {
    return this.#isLive(this.#tree.newPartOf(path).parent);
  }

  /** Decides about a row that is not deleted. */
  addDocument(row: ReplicatedRow, { document, difference }: ReadableContent): RowVerdict {
    if (this.#tree.has(row.rev)) return { kind: 'known' };
    const { leaves, stored, isExact } = this.#live;
    if (!stored.ok) return refuseRow(row, stored.reason);
    const { added, parent } = this.#tree.newPartOf(row.path);
    const isBranch = leaves.length > 0 && !(this.#isLive(parent) && this.#mayAdd(added));
    // A branch may be based on a revision with the same flaw, which was repaired since.
    if (difference !== undefined && isExact && !isBranch) return refuseContent(row, difference);
    // A replicated revision is stored unchanged or not at all.
    const isStored = leaves.length === 0 || (difference === undefined && !isBranch);
    if (!isStored) return this.#merge(row, document, stored.documents);
    if (leaves.length === 0 && generationOf(row.rev) > MAX_FIRST_GENERATION)
      return refuseRow(row, 'The generation of the revision is too high.');
    if (!this.#mayCheck()) return refuseRow(row, TOO_MANY_CHANGES);
    const reason = findReason(writeBase(stored.documents, document), document, this.#schema);
    if (reason !== undefined) return refuseContent(row, reason);
    this.#storeRow(row);
    return row;
  }

  /** Whether one more row may be checked. */
  #mayCheck(): boolean {
    this.#checkCount += 1;
    return this.#checkCount <= MAX_CHECKS;
  }

  #isLive(rev: Revision | undefined): boolean {
    return rev !== undefined && this.#liveRevisions.has(rev);
  }

  #mayAdd(added: readonly Revision[]): boolean {
    return this.#newRevisionCount + added.length <= MAX_NEW_REVISIONS;
  }

  /** Decides about a deleted row. It is stored only where it resolves a conflict of the document. */
  addDeletion(row: ReplicatedRow): RowVerdict {
    if (this.#tree.has(row.rev)) return { kind: 'known' };
    const { added, parent } = this.#tree.newPartOf(row.path);
    if (this.#liveRevisions.size - Number(this.#isLive(parent)) === 0) return refuseRow(row, LAST_LIVE_REVISION);
    if (!this.#isLive(parent) || !this.#mayAdd(added)) return mergedRow(row);
    this.#storeRow(row);
    return row;
  }

  /** Adds a revision with what the merged rows change, unless the winner has it all and is above them. */
  storeMerge(): void {
    const [winner, ...losers] = this.#live.leaves;
    const newest = this.#mergedRows.toSorted((a, b) => compareRevisions(b.rev, a.rev))[0];
    if (winner?.content.kind !== 'readable' || this.#merged === undefined || newest === undefined) return;
    const { document } = this.#merged;
    const leaf = winner.rev;
    const generation = Math.max(generationOf(leaf), generationOf(newest.rev)) + 1;
    const isReachable = generation - generationOf(leaf) <= maxPadding(newest);
    const ownPath = isReachable ? this.#findOwnPath(newest, leaf) : undefined;
    if (ownPath !== undefined) {
      this.#store(newest.document, ownPath, newest.content);
    } else {
      const isNew = canonicalJson(document) !== canonicalJson(winner.content.document);
      if (!isNew && !(isReachable && compareRevisions(newest.rev, leaf) > 0)) return;
      const path = descendantPath(leaf, isReachable ? generation : generationOf(leaf) + 1, document);
      this.#store({ ...document }, path, { kind: 'readable', document, difference: undefined });
    }
    for (const { rev: loser } of losers) {
      const tombstone = createTombstone(document._id, loser);
      this.#store({ ...tombstone }, [tombstone._rev, loser], { kind: 'deleted' });
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
    const isApart = generationOf(oldest) > generationOf(leaf) && this.#tree.newPartOf(path).parent === undefined;
    if (!isApart || content.kind !== 'readable' || content.difference !== undefined) return undefined;
    const { stored } = this.#live;
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

  /** Stores a row as it is. */
  #storeRow({ document, path, rev, content }: ReplicatedRow): void {
    const { added, parent } = this.#tree.newPartOf(path);
    const isAttached = parent !== undefined && added.length <= MAX_NEW_REVISIONS;
    const ancestors = isAttached ? [...added.slice(1), parent] : added.slice(1, MAX_STORED_PATH);
    this.#newRevisionCount += added.length;
    this.#store(document, [rev, ...ancestors], content);
    // Rows may have been merged before, and the merge becomes a child of this one.
    const change = content.kind === 'readable' ? this.#merged?.changeBy(content.document) : undefined;
    if (change !== undefined) this.#merged?.apply(change);
  }

  #store(document: JsonObject, path: RevisionPath, content: LeafContent): void {
    this.#stored.set(path[0], document);
    this.#tree.add(path, content);
    for (const rev of path) this.#liveRevisions.delete(rev);
    if (content.kind !== 'deleted') this.#liveRevisions.add(path[0]);
    this.#liveState = undefined;
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
