import {
  compareDesign,
  describePrefixMismatch,
  hasSameViews,
  type DesignComparison,
} from '../../../upstream/schema/design-hash.ts';
import type { DesignDocument } from '../../../upstream/schema/design-documents.ts';
import { viewWarmupDesign } from './view-warmup-design.ts';
import type { CurrentState } from '../current-state.ts';
import type { PlanItem, Plan } from '../steps.ts';
import type { DesiredState } from '../desired-state.ts';

/** The registry's design documents. What is not ours, or not any more, is never overwritten unasked. */
export function planDesignDocuments({ designs }: Pick<CurrentState, 'designs'>, desired: DesiredState): Plan {
  const parts = desired.design.designs.map((design) => planDesignDocument(design, designs, desired));
  return { items: parts.flatMap(({ items }) => items), blockers: parts.flatMap(({ blockers }) => blockers) };
}

function planDesignDocument(design: DesignDocument, stored: CurrentState['designs'], desired: DesiredState): Plan {
  const { registry: database, allowed } = desired;
  const existing = stored.get(design._id);
  const warmupDesign = viewWarmupDesign(design);
  const leftoverWarmup = stored.get(warmupDesign._id);
  const blockers: string[] = [];
  const checkOverwrite = (id: string, verdict: DesignComparison): void => {
    const reason = OVERWRITE_BLOCKERS[verdict];
    if (reason === undefined || allowed.replace) return;
    blockers.push(`${id} in ${database} ${reason}. Keep what you need of it, and run with --replace to overwrite it.`);
  };
  const verdict = compareDesign(design, existing);
  if (verdict === 'other-prefix' && existing !== undefined && !allowed.replace) {
    blockers.push(
      `${describePrefixMismatch(design, existing, database)}. With --replace the gates serve the ones of ID_PREFIX, and no longer those that are there.`,
    );
  }
  checkOverwrite(design._id, verdict);
  if (leftoverWarmup !== undefined) checkOverwrite(warmupDesign._id, compareDesign(warmupDesign, leftoverWarmup));

  if (verdict === 'current') {
    const items: PlanItem[] = [{ kind: 'found', sentence: `${design._id} in ${database}` }];
    // Set-up was stopped after the last write but one.
    if (leftoverWarmup !== undefined)
      items.push({ kind: 'step', step: { kind: 'remove-design', database, id: warmupDesign._id } });
    return { items, blockers };
  }
  const buildViewsFirst = existing !== undefined && !hasSameViews(design, existing);
  return { items: [{ kind: 'step', step: { kind: 'write-design', database, design, buildViewsFirst } }], blockers };
}

const OVERWRITE_BLOCKERS: Readonly<Partial<Record<DesignComparison, string>>> = {
  'changed-by-hand': 'was changed by hand: its content does not fit its content_hash',
  foreign: 'was not written by Pouchgate',
};
