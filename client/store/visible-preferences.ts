/** Computes the preferences that are shown, from the stored document and the unsent edits. */
import { deepFreeze } from '../platform/deep-freeze.ts';
import { keepIfEqual } from '../platform/structural-equality.ts';
import { toRecord, type Edits } from './edits.ts';
import type { LocalDocument } from './leaf.ts';
import type { StoreSchema, Values } from './schema.ts';

export interface ViewOptions {
  readonly schema: StoreSchema;
  readonly defaults: Values;
}

/**
 * `unsent` edits are later than the document's and override them. Values equal to those in `previous` stay the same
 * objects, so that user interfaces do not render them again. The result is frozen.
 */
export const computeVisiblePreferences = (
  { schema, defaults }: ViewOptions,
  document: LocalDocument | undefined,
  unsent: Edits,
  previous: Values,
): Values => {
  const stored = schema.pickKnown({ ...document?.preferences, ...toRecord(unsent, 'value') });
  const entries = Object.entries({ ...defaults, ...stored });
  const next: Values = Object.fromEntries(entries.map(([key, value]) => [key, keepIfEqual(value, previous[key])]));
  return deepFreeze(keepIfEqual(next, previous));
};
