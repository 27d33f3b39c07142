import type { PreferenceSchema } from '../../../couchdb-design/user-document/preference-schema.ts';
import type { ReadableContent } from './read-content.ts';
import { refuse, refuseViolation, type EditRow, type Refusal } from './parse-row.ts';
import { liveLeaves, type DocumentLeaf, type DocumentTree } from './document-tree.ts';
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
 * Decides which edits (`new_edits:true`) the database receives. An edit of an outdated revision becomes a conflict. Yields after each
 * row. Returns the verdicts in the order of the rows.
 */
export function* decideEdits(
  rows: readonly (EditRow | Refusal)[],
  tree: DocumentTree,
  schema: PreferenceSchema,
): Generator<void, readonly (EditRow | Refusal)[], void> {
  const batch = new EditBatch(tree, schema);
  const verdicts: (EditRow | Refusal)[] = [];
  for (const row of rows) {
    verdicts.push(row.kind === 'refusal' ? row : batch.decide(row));
    yield;
  }
  return verdicts;
}

const flawsOf = (leaf: DocumentLeaf): number => Number(!isExactlyStored([leaf]));

class EditBatch {
  readonly #tree: DocumentTree;
  readonly #schema: PreferenceSchema;
  /** The winner first. */
  readonly #live: Map<string, DocumentLeaf>;
  readonly #edited = new Set<string | undefined>();
  #conflicts = 0;
  /** The live leaves whose bodies differ from what reading them returns. */
  #flawedCount = 0;

  constructor(tree: DocumentTree, schema: PreferenceSchema) {
    this.#tree = tree;
    this.#schema = schema;
    this.#live = new Map(liveLeaves(tree).map((leaf) => [leaf.rev, leaf]));
    for (const leaf of this.#live.values()) this.#flawedCount += flawsOf(leaf);
  }

  decide(row: EditRow): EditRow | Refusal {
    const { rev, content } = row;
    // As in CouchDB. PouchDB, on which the embedded engine is built, would store both edits of one revision and keep only one
    // body, which makes the document unwritable.
    if (this.#edited.has(rev)) return conflict(row);
    this.#edited.add(rev);
    const isLeaf = this.#tree.isLeaf(rev);
    if (!isLeaf) this.#conflicts += 1;
    if (this.#conflicts > MAX_CHECKED_CONFLICTS && !isLeaf) return conflict(row);
    const edited = rev === undefined ? undefined : this.#live.get(rev);
    // CouchDB would create a second live leaf.
    if (this.#live.size > 0 && isLeaf && edited === undefined) return conflict(row);
    if (content.kind === 'deleted') {
      if (this.#live.size - Number(edited !== undefined) === 0) return refuse(row.document, LAST_LIVE_REVISION);
      if (edited !== undefined) this.#remove(edited);
      return row;
    }
    return this.#findRefusal(row.document, content, edited) ?? row;
  }

  #remove(leaf: DocumentLeaf): void {
    this.#live.delete(leaf.rev);
    this.#flawedCount -= flawsOf(leaf);
  }

  #findRefusal(
    row: unknown,
    { document, difference }: ReadableContent,
    edited: DocumentLeaf | undefined,
  ): Refusal | undefined {
    const live = edited === undefined ? [...this.#live.values()] : [edited];
    const stored = liveDocuments(live);
    if (!stored.ok) return refuse(row, stored.reason);
    const reason =
      (this.#flawedCount === 0 ? difference : undefined) ??
      findReason(writeBase(stored.documents, document), document, this.#schema);
    return reason === undefined ? undefined : refuseViolation(row, reason);
  }
}
