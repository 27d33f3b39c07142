import type { UserDocumentId } from '../../../couchdb-design/user-document/user-document.ts';
import type { RejectionReason } from '../../http/request-context.ts';
import { getString, type JsonObject } from '../../lib/json.ts';
import type { Refusal } from './parse-row.ts';

/** A row's verdict. Only refusals are counted. */
export type RowKind = Refusal | { readonly kind: 'edit' | 'replicated' | 'merged' | 'known' };

const NO_REJECTIONS: Readonly<Record<RejectionReason, number>> = {
  not_own: 0,
  invalid: 0,
  conflict: 0,
  schema: 0,
  tree: 0,
  database: 0,
  oversize: 0,
};

/** The counts for an oversize batch. */
export const oversizeRejections = (rows: number): Readonly<Record<RejectionReason, number>> => ({
  ...NO_REJECTIONS,
  oversize: rows,
});

/**
 * Counts the rejected rows of a batch by reason.
 *
 * @param parsed The verdicts from parsing alone.
 * @param verdicts The verdicts after the check against the revision tree.
 * @param responseRows The response, which also contains the database's refusals.
 */
export function countRejections(
  ownId: UserDocumentId,
  parsed: readonly RowKind[],
  verdicts: readonly RowKind[],
  responseRows: readonly JsonObject[],
): Readonly<Record<RejectionReason, number>> {
  const counts = { ...NO_REJECTIONS };
  verdicts.forEach((verdict, index) => {
    if (verdict.kind !== 'refusal') return;
    if (verdict.isConflict) counts.conflict += 1;
    else if (verdict.isViolation) counts.schema += 1;
    else if (parsed[index]?.kind !== 'refusal') counts.tree += 1;
    else if (verdict.id !== undefined && verdict.id !== ownId) counts.not_own += 1;
    else counts.invalid += 1;
  });
  const errors = responseRows.map((row) => getString(row, 'error')).filter((error) => error !== undefined);
  const conflicts = errors.filter((error) => error === 'conflict').length;
  const others = errors.length - conflicts;
  // The database refused the remaining rows.
  const byGate = counts.schema + counts.tree + counts.not_own + counts.invalid;
  counts.database = Math.max(0, others - byGate);
  counts.conflict = Math.max(counts.conflict, conflicts);
  return counts;
}
