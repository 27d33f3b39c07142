/**
 * JSON merge patch, RFC 7396: members of an object take the place of those of the same name, `null` removes one, objects
 * are merged member by member, and everything else, lists too, is replaced as a whole.
 */
import { isObject } from '../../lib/json.ts';

export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const merged = new Map(isObject(target) ? Object.entries(target) : []);
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key);
    else merged.set(key, mergePatch(merged.get(key), value));
  }
  return Object.fromEntries(merged);
}
