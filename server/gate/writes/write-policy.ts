import { parseRevision } from '../../../couchdb-design/user-document/revisions.ts';
import { addRevision, countLiveLeaves, type RevisionTree } from './revision-tree.ts';
import type { Refusal, Write } from './parse-row.ts';

/** Every live leaf beyond the first is a conflict that each device has to merge. */
const MAX_LIVE_LEAVES = 32;
/**
 * All leaves, deleted ones included. A deleted leaf remains forever, and every change sends all leaves to every device. At
 * the limit only a descendant of a leaf is accepted; an edit on another branch has to be repeated on top of a leaf.
 */
const MAX_LEAVES = 100;
/**
 * The highest generation of a new branch. A revision needs a higher generation than its parent, so a branch forged at the
 * largest possible one would make the document unwritable.
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
 * Decides which rows of a batch may be stored in a tree. Returns the verdicts in the order of the rows. Two rules need the
 * whole batch: the tree stays small, and the document always keeps a live leaf. A user may delete leaves to resolve a
 * conflict, but not the document. (`validate_doc_update` sees one revision at a time, so it cannot check either.)
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

/** Returns the tree after a row is stored. An edit (`new_edits:true`) replaces a leaf, or else it is a conflict. */
function applyWrite(tree: RevisionTree, row: Write, newEdits: boolean): RevisionTree {
  const { path, deleted, rev } = row;
  if (!newEdits) return rev === undefined ? tree : addRevision(tree, { leaf: rev, deleted, path });
  const edited = `edit of ${rev ?? 'nothing'}`;
  const replaced = tree.filter((branch) => branch.leaf !== rev);
  const applies = replaced.length < tree.length || (rev === undefined && countLiveLeaves(tree) === 0);
  return applies ? [...replaced, { leaf: edited, deleted, path: [edited] }] : tree;
}

/**
 * Refuses the second of two edits of one revision in a batch as a conflict, as CouchDB does. PouchDB, on which the embedded
 * engine is built, would store both and keep only one body, which makes the document unwritable.
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
    const exceedsLimit =
      countLiveLeaves(next) > Math.max(MAX_LIVE_LEAVES, countLiveLeaves(grown)) ||
      next.length > Math.max(MAX_LEAVES, grown.length);
    if (exceedsLimit)
      return refuse(row, 'The document has too many conflicting revisions. Pull, then edit the newest.');
    grown = next;
    return row;
  });
}
