/** A change that the user made on this page, with the previous values, so that it can be undone. */
import { DEFAULT_PREFERENCES } from '../../../couchdb-design/user-document/default-preferences.ts';
import type { Patch, PreferenceKey, PreferenceValues } from '../store-types.ts';

/** The change of one preference. After a removal the value is the default. */
export interface ValueChange {
  readonly key: PreferenceKey;
  readonly before: unknown;
  readonly after: unknown;
}

export type Change = readonly ValueChange[];

const isSameJson = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
const isKey = (key: string): key is PreferenceKey => Object.hasOwn(DEFAULT_PREFERENCES, key);

/** Returns what `patch` changes of the shown values. It is empty if nothing changes. */
export const createChange = (shown: PreferenceValues, patch: Patch): Change =>
  Object.entries(patch).flatMap(([key, value]: [string, unknown]): ValueChange[] => {
    if (!isKey(key)) return [];
    const after = value ?? DEFAULT_PREFERENCES[key];
    return isSameJson(shown[key], after) ? [] : [{ key, before: shown[key], after }];
  });

/**
 * Returns the patch that undoes a change, or undefined if nothing of it is left to undo. Values that were changed since,
 * here or on another device, are kept. A value that was the default is removed, so that a later default applies to it.
 */
export const createUndoPatch = (change: Change, shown: PreferenceValues): Patch | undefined => {
  const unchanged = change.filter(({ key, after }) => isSameJson(shown[key], after));
  if (unchanged.length === 0) return undefined;
  return Object.fromEntries(
    unchanged.map(({ key, before }) => [key, isSameJson(before, DEFAULT_PREFERENCES[key]) ? null : before]),
  );
};
