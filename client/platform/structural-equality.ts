import { canonicalJson } from '../../couchdb-design/user-document/canonical-json.ts';

/** Whether two JSON values say the same: what comes from another tab, or is made anew, is a copy. */
export const isDeepEqual = (a: unknown, b: unknown): boolean => canonicalJson(a) === canonicalJson(b);

/** `next`, or `before` itself when that says the same, so that nothing is drawn again. */
export const keepIfEqual = <T>(next: T, previous: T): T => (isDeepEqual(next, previous) ? previous : next);
