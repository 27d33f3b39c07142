/**
 * Canonical JSON: members sorted by UTF-16 code unit, no whitespace, as in RFC 8785. Revision ids and the order of equal
 * edit stamps are derived from it, so all devices must produce the same text.
 */

/** A JSON.stringify replacer. `fromEntries` defines members instead of assigning them, so `__proto__` stays a plain member. */
const sortMembers = (_key: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value;

/** Returns the canonical text of a JSON value. Throws a TypeError on a cycle or a bigint. */
export const canonicalJson = (value: unknown): string => JSON.stringify(value, sortMembers);

/** Returns a deep copy of a JSON value with the members of every object in canonical order. */
export const canonicalCopy = <T>(value: T): T => JSON.parse(canonicalJson(value)) as T;
