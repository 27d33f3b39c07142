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
