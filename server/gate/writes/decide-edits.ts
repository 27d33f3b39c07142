import type { PreferenceSchema } from '../../../couchdb-design/user-document/preference-schema.ts';
import { refuse, refuseViolation, type EditRow, type Refusal } from './parse-row.ts';
import { liveBranches, type Branch, type RevisionTree } from './revision-tree.ts';
import { findReason, isExactlyStored, LAST_LIVE_REVISION, liveDocuments, writeBase } from './write-base.ts';

/**
 * How many edits of revisions that are no leaves are checked. They conflict, unless the leaves were read from a replica that lags. The
 * check of a large document takes milliseconds.
 */
const MAX_CHECKED_CONFLICTS = 10;

const conflict = (row: EditRow): Refusal => ({
  ...refuse(row.document, 'Document update conflict.'),
  isConflict: true,
});

/**
 * Decides which edits (`new_edits:true`) the database receives. An edit of an outdated revision becomes a conflict. Returns the
 * verdicts in the order of the rows.
 */
export function decideEdits(
  rows: readonly (EditRow | Refusal)[],
  tree: RevisionTree,
  schema: PreferenceSchema,
): readonly (EditRow | Refusal)[] {
  let live = liveBranches(tree);
  const deletedLeaves = tree.filter(({ content }) => content.kind === 'deleted').map(({ path: [leaf] }) => leaf);
  const leaves = new Set<string | undefined>(tree.map(({ path: [leaf] }) => leaf));
  const edited = new Set<string | undefined>();
  let conflicts = 0;
  return rows.map((row) => {
    if (row.kind === 'refusal') return row;
    // As in CouchDB. PouchDB, on which the embedded engine is built, would store both edits of one revision and keep only one
    // body, which makes the document unwritable.
    if (edited.has(row.rev)) return conflict(row);
    edited.add(row.rev);
    if (!leaves.has(row.rev)) conflicts += 1;
    if (conflicts > MAX_CHECKED_CONFLICTS && !leaves.has(row.rev)) return conflict(row);
    // CouchDB would create a second live leaf.
    if (live.length > 0 && row.rev !== undefined && deletedLeaves.includes(row.rev)) return conflict(row);
    if (row.content.kind === 'deleted') {
      const others = live.filter(({ path: [leaf] }) => leaf !== row.rev);
      if (others.length === 0) return refuse(row.document, LAST_LIVE_REVISION);
      live = others;
      return row;
    }
    return findRefusal(row, live, schema) ?? row;
  });
}

function findRefusal(row: EditRow, live: readonly Branch[], schema: PreferenceSchema): Refusal | undefined {
  if (row.content.kind === 'deleted') return undefined;
  const edited = live.filter(({ path: [leaf] }) => leaf === row.rev);
  const stored = liveDocuments(edited.length > 0 ? edited : live);
  if (!stored.ok) return refuse(row.document, stored.reason);
  const { document, difference } = row.content;
  const reason =
    (isExactlyStored(live) ? difference : undefined) ??
    findReason(writeBase(stored.documents, document), document, schema);
  return reason === undefined ? undefined : refuseViolation(row.document, reason);
}
