import type { UserDocumentId } from '../../../couchdb-design/user-document/user-document.ts';
import type { Denial } from '../../http/request-context.ts';
import { textMember, type JsonObject } from '../../lib/json.ts';
import type { Verdict } from './write-policy.ts';

const NONE: Readonly<Record<Denial, number>> = {
  not_own: 0,
  invalid: 0,
  conflict: 0,
  tree: 0,
  database: 0,
  oversize: 0,
};

/** What was denied of a batch that was too large to be read. */
export const oversizeDenials = (rows: number): Readonly<Record<Denial, number>> => ({ ...NONE, oversize: rows });

/**
 * How many rows of a batch were denied, by where: `read` is what was found before anything was asked, `verdicts` what the
 * revision tree said too, `answer` what the client is told, the database's own refusals among it.
 */
export function denialsOf(
  ownId: UserDocumentId,
  read: readonly Verdict[],
  verdicts: readonly Verdict[],
  answer: readonly JsonObject[],
): Readonly<Record<Denial, number>> {
  const denied = { ...NONE };
  verdicts.forEach((verdict, index) => {
    if (verdict.kind !== 'refusal') return;
    if (verdict.isConflict) denied.conflict += 1;
    else if (read[index]?.kind !== 'refusal') denied.tree += 1;
    else if (verdict.id !== undefined && verdict.id !== ownId) denied.not_own += 1;
    else denied.invalid += 1;
  });
  const errors = answer.map((row) => textMember(row, 'error')).filter((error) => error !== undefined);
  const conflicts = errors.filter((error) => error === 'conflict').length;
  const others = errors.length - conflicts;
  // What is left of the refused rows, the gate has not refused.
  const byGate = denied.tree + denied.not_own + denied.invalid;
  denied.database = Math.max(0, others - byGate);
  denied.conflict = Math.max(denied.conflict, conflicts);
  return denied;
}
