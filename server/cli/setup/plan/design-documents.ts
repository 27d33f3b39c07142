import { judgeDesign, otherPrefix, sameViews, type DesignVerdict } from '../../../upstream/schema/design-hash.ts';
import type { DesignDocument } from '../../../upstream/schema/design-documents.ts';
import { warmDesign } from './view-warmup-design.ts';
import type { Observed } from '../current-state.ts';
import type { Item, Plan } from '../steps.ts';
import type { Wanted } from '../desired-state.ts';

/** The registry's design documents. What is not ours, or not any more, is never overwritten unasked. */
export function planDesigns({ designs }: Pick<Observed, 'designs'>, wanted: Wanted): Plan {
  const parts = wanted.design.designs.map((design) => planDesign(design, designs, wanted));
  return { items: parts.flatMap(({ items }) => items), refusals: parts.flatMap(({ refusals }) => refusals) };
}

function planDesign(design: DesignDocument, stored: Observed['designs'], wanted: Wanted): Plan {
  const { registry: database, allowed } = wanted;
  const there = stored.get(design._id);
  const warmed = warmDesign(design);
  const left = stored.get(warmed._id);
  const refusals: string[] = [];
  const mayWrite = (id: string, verdict: DesignVerdict): void => {
    const what = WHY_NOT[verdict];
    if (what === undefined || allowed.replace) return;
    refusals.push(`${id} in ${database} ${what}. Keep what you need of it, and run with --replace to overwrite it.`);
  };
  const verdict = judgeDesign(design, there);
  if (verdict === 'other-prefix' && there !== undefined && !allowed.replace) {
    refusals.push(
      `${otherPrefix(design, there, database)}. With --replace the gates serve the ones of ID_PREFIX, and no longer those that are there.`,
    );
  }
  mayWrite(design._id, verdict);
  if (left !== undefined) mayWrite(warmed._id, judgeDesign(warmed, left));

  if (verdict === 'current') {
    const items: Item[] = [{ kind: 'found', sentence: `${design._id} in ${database}` }];
    // Set-up was stopped after the last write but one.
    if (left !== undefined) items.push({ kind: 'step', step: { kind: 'remove-design', database, id: warmed._id } });
    return { items, refusals };
  }
  const warm = there !== undefined && !sameViews(design, there);
  return { items: [{ kind: 'step', step: { kind: 'write-design', database, design, warm } }], refusals };
}

const WHY_NOT: Readonly<Partial<Record<DesignVerdict, string>>> = {
  'changed-by-hand': 'was changed by hand: its content does not fit its content_hash',
  foreign: 'was not written by Pouchgate',
};
