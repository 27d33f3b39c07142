/** Computes the preferences that are shown, from the stored document and the unsent edits. */
import type { Values } from '../../couchdb-design/user-document/preference-schema.ts';
import { upgradeDocument } from '../../couchdb-design/user-document/upgrade-values.ts';
import { deepFreeze } from '../platform/deep-freeze.ts';
import { keepIfEqual } from '../platform/structural-equality.ts';
import type { LocalDocument } from './leaf.ts';
import { validatorOf, type ViewOptions } from './schema.ts';

/**
 * The document includes the unsent edits. Values equal to those in `previous` stay the same objects, so that user interfaces do
 * not render them again. The result is frozen.
 */
export const computeVisiblePreferences = (
  { schema, defaults, upgrade }: ViewOptions,
  document: LocalDocument,
  previous: Values,
): Values => {
  const stored = schema.pickKnown(upgradeDocument(document, upgrade, validatorOf(schema)).preferences);
  const entries = Object.entries({ ...defaults, ...stored });
  const next: Values = Object.fromEntries(entries.map(([key, value]) => [key, keepIfEqual(value, previous[key])]));
  return deepFreeze(keepIfEqual(next, previous));
};
