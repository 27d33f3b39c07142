/** What is shown, as a function of what is stored. */
import { canonicalJson } from '../../couchdb-design/canonical-json.ts';
import { isCovered, stampIn, type Edits } from './edits.ts';
import type { Replica } from './replica.ts';
import type { Shape, Values } from './shape.ts';

/** All that is stored of the user. */
export interface Stored extends Replica {
  /** The edits that the server is not known to have, without those that a later one of another device replaced. */
  readonly unsent: Edits;
  /** Those of them that were refused together, and are to be tried alone. */
  readonly suspects: Edits;
  /** Whether there is something to write that needs no person: a conflict to resolve, or edits that have their document now. */
  readonly needsSettling: boolean;
}

export const storedOf = (replica: Replica, noted: Edits): Stored => {
  const { document, leaves, isWritable } = replica;
  const open = noted.filter((edit) => !isCovered(edit, document));
  return {
    ...replica,
    unsent: noted.filter(({ key, stamp }) => stamp >= stampIn(document, key)),
    suspects: open.filter(({ isSuspect }) => isSuspect),
    needsSettling: isWritable && (leaves.length > 1 || open.some(({ isSuspect }) => !isSuspect)),
  };
};

export interface Shown {
  readonly shape: Shape;
  readonly defaults: Values;
}

/**
 * `pending` are edits that were made and are being stored at this moment; `before` is what was shown before: what did not
 * change stays the same object, so that it need not be drawn again.
 */
export const shownPreferences = (
  { shape, defaults }: Shown,
  stored: Stored | undefined,
  pending: readonly Values[],
  before: Values,
): Values => {
  const { document, unsent = [] } = stored ?? {};
  const edits = unsent.map(({ key, value }) => ({ [key]: value }));
  const set = Object.entries(Object.assign({ ...document?.preferences }, ...edits, ...pending) as Values);
  const next = { ...defaults, ...shape.known(Object.fromEntries(set.filter(([, value]) => value !== null))) };
  const same = Object.entries(next).map(([key, value]) => [key, unlessSame(value, before[key])]);
  return unlessSame(Object.fromEntries(same) as Values, before);
};

const unlessSame = <T>(next: T, before: T): T => (canonicalJson(next) === canonicalJson(before) ? before : next);
