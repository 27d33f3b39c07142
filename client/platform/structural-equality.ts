/** Equality of JSON values. Values that come from another tab, or are computed again, are copies and never identical. */
import { canonicalJson } from '../../couchdb-design/user-document/canonical-json.ts';

/** Whether two JSON values are equal, whatever the order of their members. */
export const isDeepEqual = (a: unknown, b: unknown): boolean => canonicalJson(a) === canonicalJson(b);

/** Returns `previous` itself when `next` equals it, so that user interfaces do not render again; else `next`. */
export const keepIfEqual = <T>(next: T, previous: T): T => (isDeepEqual(next, previous) ? previous : next);
