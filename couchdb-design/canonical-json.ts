/**
 * One text for one JSON value, whatever order its members were set in: members sorted by UTF-16 code unit, no spaces,
 * as in RFC 8785. Revision ids and the order of equal edit stamps are made from it, so all devices must write the same.
 */

const canonical = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([key, member]): [string, unknown] => [key, canonical(member)]);
  // fromEntries defines members, it does not assign them: a member named `__proto__` stays a plain member.
  return Object.fromEntries(members);
};

/** A fresh copy of a JSON value with the members of every object in canonical order. */
export const canonicalCopy = <T>(value: T): T => canonical(value) as T;

/** The canonical text of a JSON value. Takes what JSON can hold: a cycle or a bigint throws a TypeError. */
export const canonicalJson = (value: unknown): string => JSON.stringify(canonical(value));
