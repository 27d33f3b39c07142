import { parseRevision } from '../../../couchdb-design/user-document/revisions.ts';
import { addRevision, countLiveLeaves, type RevisionTree } from './revision-tree.ts';
import type { Refusal, Write } from './parse-row.ts';

/** How many leaves a document may have that are not deleted: each is a conflict that every device has to merge. */
const MAX_LIVE_LEAVES = 32;
/**
 * How many leaves in all. A deleted leaf stays a leaf for ever, and each is told to every device at every change; once
 * there are so many, only what continues a leaf is taken, and an edit made beside them has to be made again on top.
 */
const MAX_LEAVES = 100;
/**
 * The highest generation that a new branch may begin with. A revision needs a higher one than its parent's, so one forged
 * at the end of what can be counted would leave a document that nobody can edit any more.
 */
const MAX_NEW_BRANCH_GENERATION = 1_000_000;

export type Verdict = Write | Refusal;

const refuse = (write: Write, reason: string): Refusal => ({
  kind: 'refusal',
  id: String(write.document['_id']),
  rev: write.rev,
  reason,
});

/**
 * What of a batch may be stored, given the tree it goes to; verdicts in the order of the rows. Two rules need the whole
 * batch: that the tree stays small, and that a document is never left without a live leaf, since a user may delete
 * leaves to resolve a conflict but not the document. (`validate_doc_update` sees one revision at a time and cannot tell.)
 */
export function decideWrites(rows: readonly Verdict[], tree: RevisionTree, newEdits: boolean): readonly Verdict[] {
  const verdicts = newEdits ? refuseDuplicateEdits(rows) : refuseExcessLeaves(rows, tree);
  const after = verdicts.reduce(
    (grown, row) => (row.kind === 'write' ? applyWrite(grown, row, newEdits) : grown),
    tree,
  );
  if (countLiveLeaves(after) > 0) return verdicts;
  return verdicts.map((row) =>
    row.kind === 'write' && row.deleted ? refuse(row, 'The last live revision cannot be deleted.') : row,
  );
}

/** The tree after a row was stored. An edit (`new_edits:true`) only ever takes the place of a leaf, or is a conflict. */
function applyWrite(tree: RevisionTree, row: Write, newEdits: boolean): RevisionTree {
  const { path, deleted, rev } = row;
  if (!newEdits) return rev === undefined ? tree : addRevision(tree, { leaf: rev, deleted, path });
  const edited = `edit of ${rev ?? 'nothing'}`;
  const replaced = tree.filter((branch) => branch.leaf !== rev);
  const applies = replaced.length < tree.length || (rev === undefined && countLiveLeaves(tree) === 0);
  return applies ? [...replaced, { leaf: edited, deleted, path: [edited] }] : tree;
}

/**
 * Of two edits of one revision in a batch the second is a conflict. CouchDB says so itself; PouchDB, which the embedded
 * engine is made of, stores both and keeps the body of one, and nothing could be written to the document any more.
 */
function refuseDuplicateEdits(rows: readonly Verdict[]): readonly Verdict[] {
  const edited = new Set<string | undefined>();
  return rows.map((row) => {
    if (row.kind === 'refusal') return row;
    if (edited.has(row.rev)) return { ...refuse(row, 'Document update conflict.'), isConflict: true };
    edited.add(row.rev);
    return row;
  });
}

function refuseExcessLeaves(rows: readonly Verdict[], tree: RevisionTree): readonly Verdict[] {
  let grown = tree;
  return rows.map((row) => {
    if (row.kind === 'refusal') return row;
    const next = applyWrite(grown, row, false);
    const isNewBranch = next.length > grown.length;
    if (isNewBranch && (parseRevision(row.rev)?.generation ?? 0) > MAX_NEW_BRANCH_GENERATION) {
      return refuse(row, 'The generation of the revision is too high.');
    }
    const tooMany =
      countLiveLeaves(next) > Math.max(MAX_LIVE_LEAVES, countLiveLeaves(grown)) ||
      next.length > Math.max(MAX_LEAVES, grown.length);
    if (tooMany) return refuse(row, 'The document has too many conflicting revisions; pull, and edit the newest.');
    grown = next;
    return row;
  });
}
