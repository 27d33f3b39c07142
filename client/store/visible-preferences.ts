/** What is shown, as a function of what is stored. */
import { keepIfEqual } from '../platform/structural-equality.ts';
import { toRecord, type Edits } from './edits.ts';
import type { LocalDocument } from './replica.ts';
import type { StoreSchema, Values } from './schema.ts';

export interface ViewOptions {
  readonly schema: StoreSchema;
  readonly defaults: Values;
}

/**
 * `unsent` are later than what the document has. `before` is what was shown before: what did not change stays the same
 * object, so that it need not be drawn again.
 */
export const computeVisiblePreferences = (
  { schema, defaults }: ViewOptions,
  document: LocalDocument | undefined,
  unsent: Edits,
  previous: Values,
): Values => {
  const next: Values = { ...defaults, ...schema.pickKnown({ ...document?.preferences, ...toRecord(unsent, 'value') }) };
  const reused = Object.entries(next).map(([key, value]) => [key, keepIfEqual(value, previous[key])]);
  return keepIfEqual(Object.fromEntries(reused) as Values, previous);
};
