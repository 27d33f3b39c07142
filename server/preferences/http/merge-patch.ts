import { exceedsDepth, MAX_VALUE_DEPTH, tooDeep } from '../../../couchdb-design/user-document/json-rules.ts';
import type { Values } from '../../../couchdb-design/user-document/user-document.ts';
import { InvalidPreferencesError } from '../../http/problem-details.ts';
import { isObject } from '../../lib/json.ts';

/**
 * Applies a JSON merge patch (RFC 7396): objects are merged member by member, `null` removes a member, and any other value,
 * arrays included, replaces the current one.
 *
 * @returns the patched value; `target` is not modified.
 */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const merged = new Map(isObject(target) ? Object.entries(target) : []);
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key);
    else merged.set(key, mergePatch(merged.get(key), value));
  }
  return Object.fromEntries(merged);
}

/**
 * Returns the new value of each preference in the patch; `null` for a removal. An object is merged into the current value.
 *
 * @throws InvalidPreferencesError for a patch that is nested more deeply than any value, before it is merged recursively.
 */
export function applyMergePatch(preferences: object, patch: Values): Values {
  const entries = Object.entries(patch);
  const deep = entries.filter(([, value]) => exceedsDepth(value, MAX_VALUE_DEPTH + 1));
  if (deep.length > 0) throw new InvalidPreferencesError(deep.map(([key]) => tooDeep([key])));
  const current = new Map<string, unknown>(Object.entries(preferences));
  return Object.fromEntries(
    entries.map(([key, value]) => [key, value === null ? null : mergePatch(current.get(key), value)]),
  );
}
