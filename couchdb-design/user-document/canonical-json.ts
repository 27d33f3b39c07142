/**
 * One text for one JSON value, whatever order its members were set in: members sorted by UTF-16 code unit, no spaces,
 * as in RFC 8785. Revision ids and the order of equal edit stamps are made from it, so all devices must write the same.
 */

/** For JSON.stringify. fromEntries defines members, it does not assign them: one named `__proto__` stays a plain one. */
const sortMembers = (_key: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value;

/** The canonical text of a JSON value. Takes what JSON can hold: a cycle or a bigint throws a TypeError. */
export const canonicalJson = (value: unknown): string => JSON.stringify(value, sortMembers);

/** A fresh copy of a JSON value with the members of every object in canonical order. */
export const canonicalCopy = <T>(value: T): T => JSON.parse(canonicalJson(value)) as T;
