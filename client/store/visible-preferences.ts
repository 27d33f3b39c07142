/** What is shown, as a function of what is stored. */
import { unlessSame } from '../platform/structural-equality.ts';
import { membersOf, type Edits } from './edits.ts';
import type { LocalDocument } from './replica.ts';
import type { Shape, Values } from './schema.ts';

export interface Shown {
  readonly shape: Shape;
  readonly defaults: Values;
}

/**
 * `unsent` are later than what the document has. `before` is what was shown before: what did not change stays the same
 * object, so that it need not be drawn again.
 */
export const shownPreferences = (
  { shape, defaults }: Shown,
  document: LocalDocument | undefined,
  unsent: Edits,
  before: Values,
): Values => {
  const next: Values = { ...defaults, ...shape.known({ ...document?.preferences, ...membersOf(unsent, 'value') }) };
  const same = Object.entries(next).map(([key, value]) => [key, unlessSame(value, before[key])]);
  return unlessSame(Object.fromEntries(same) as Values, before);
};
