/** A change that the person made here: what it was before, and how to take it back. */
import { DEFAULT_PREFERENCES } from '../../../couchdb-design/user-document/preference-rules.ts';
import type { Patch, PreferenceKey, PreferenceValues } from '../store-types.ts';

/** One preference's part of a change. A removal shows the default. */
export interface ValueChange {
  readonly key: PreferenceKey;
  readonly before: unknown;
  readonly after: unknown;
}

export type Change = readonly ValueChange[];

const isSameJson = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
const isKey = (key: string): key is PreferenceKey => Object.hasOwn(DEFAULT_PREFERENCES, key);

/** What `patch` changes of what is shown; empty when that is nothing. */
export const createChange = (shown: PreferenceValues, patch: Patch): Change =>
  Object.entries(patch).flatMap(([key, value]: [string, unknown]): ValueChange[] => {
    if (!isKey(key)) return [];
    const after = value ?? DEFAULT_PREFERENCES[key];
    return isSameJson(shown[key], after) ? [] : [{ key, before: shown[key], after }];
  });

/**
 * The patch that takes it back, or undefined when nothing is left of it: what has been set to something else since, here
 * or on another device, stays. A value that was the default before is removed, so that a better default reaches it.
 */
export const createUndoPatch = (change: Change, shown: PreferenceValues): Patch | undefined => {
  const unchanged = change.filter(({ key, after }) => isSameJson(shown[key], after));
  if (unchanged.length === 0) return undefined;
  return Object.fromEntries(
    unchanged.map(({ key, before }) => [key, isSameJson(before, DEFAULT_PREFERENCES[key]) ? null : before]),
  );
};
