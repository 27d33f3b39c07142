import type { PreferenceSchema } from '../../../couchdb-design/user-document/preference-schema.ts';
import { compareRevisions } from '../../../couchdb-design/user-document/revisions.ts';
import type { JsonObject } from '../../lib/json.ts';
import type { DocumentTree } from './document-tree.ts';
import type { Refusal, ReplicatedRow } from './parse-row.ts';
import type { RevisionPath } from '../revision-tree.ts';
import { RowBatch } from './row-batch.ts';
import type { RowVerdict } from './row-verdict.ts';

export interface RowsDecision {
  /** In the order of the rows. A replicated row is stored as it is. */
  readonly verdicts: readonly RowVerdict[];
  /** The documents to send upstream, in this order, with `new_edits:false`. */
  readonly documents: readonly JsonObject[];
  /** The path of the winner after that, which contains all merged rows; undefined when there is no live leaf. */
  readonly current: RevisionPath | undefined;
}

/**
 * Decides what becomes of replicated revisions (`new_edits:false`), so that a document gets no conflicts: a revision that is no
 * descendant of a live leaf is merged into the document. Every such conflict would leave a deleted leaf forever.
 *
 * Live rows come before deleted ones, descendants of live leaves before others, and newer ones before older ones: so most rows of
 * a device with many leaves are known or add nothing. Yields after each row.
 */
export function* decideRows(
  rows: readonly (ReplicatedRow | Refusal)[],
  tree: DocumentTree,
  schema: PreferenceSchema,
): Generator<void, RowsDecision, void> {
  const batch = new RowBatch(tree, schema);
  const verdicts = new Map<ReplicatedRow, RowVerdict>();
  const replicated = rows.filter((row) => row.kind === 'replicated');
  const newestFirst = replicated
    .map((row) => ({ row, rank: Number(batch.extendsLiveLeaf(row)) }))
    .sort((a, b) => b.rank - a.rank || compareRevisions(b.row.rev, a.row.rev))
    .map(({ row }) => row);
  for (const row of newestFirst) {
    if (row.content.kind === 'readable') verdicts.set(row, batch.addDocument(row, row.content));
    yield;
  }
  batch.storeMerge();
  for (const row of newestFirst) {
    if (row.content.kind === 'deleted') verdicts.set(row, batch.addDeletion(row));
    yield;
  }
  return {
    verdicts: rows.map((row) => (row.kind === 'refusal' ? row : (verdicts.get(row) ?? { kind: 'known' }))),
    documents: batch.documents(),
    current: batch.winnerPath(),
  };
}
