/** Computes the preferences that are shown, from the stored document and the unsent edits. */
import type { PreferenceSchema, Values } from '../../couchdb-design/user-document/preference-schema.ts';
import type { Upgrade } from '../../couchdb-design/user-document/upgrade-function.ts';
import { upgradeDocument } from '../../couchdb-design/user-document/upgrade-values.ts';
import { deepFreeze } from '../platform/deep-freeze.ts';
import { keepIfEqual } from '../platform/structural-equality.ts';
import type { LocalDocument } from './leaf.ts';

/** How stored preferences are shown. */
export interface ViewOptions {
  readonly schema: PreferenceSchema;
  readonly defaults: Values;
  readonly upgrade?: Upgrade | undefined;
}

/** Returns whether a preference may have a value. */
export const validatorOf =
  ({ findViolation }: PreferenceSchema) =>
  (key: string, value: unknown): boolean =>
    findViolation(key, value) === undefined;

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
