/** A change that the person made here: what it was before, and how to take it back. */
import { DEFAULT_PREFERENCES } from '../../../couchdb-design/user-document/preference-rules.ts';
import type { Patch, PreferenceKey, Shown } from '../store-types.ts';

/** One preference's part of a change. A removal shows the default. */
export interface Step {
  readonly key: PreferenceKey;
  readonly before: unknown;
  readonly after: unknown;
}

export type Change = readonly Step[];

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
const isKey = (key: string): key is PreferenceKey => Object.hasOwn(DEFAULT_PREFERENCES, key);

/** What `patch` changes of what is shown; empty when that is nothing. */
export const changeOf = (shown: Shown, patch: Patch): Change =>
  Object.entries(patch).flatMap(([key, value]: [string, unknown]): Step[] => {
    if (!isKey(key)) return [];
    const after = value ?? DEFAULT_PREFERENCES[key];
    return same(shown[key], after) ? [] : [{ key, before: shown[key], after }];
  });

/**
 * The patch that takes it back, or undefined when nothing is left of it: what has been set to something else since, here
 * or on another device, stays. A value that was the default before is removed, so that a better default reaches it.
 */
export const undoOf = (change: Change, shown: Shown): Patch | undefined => {
  const standing = change.filter(({ key, after }) => same(shown[key], after));
  if (standing.length === 0) return undefined;
  return Object.fromEntries(
    standing.map(({ key, before }) => [key, same(before, DEFAULT_PREFERENCES[key]) ? null : before]),
  );
};
