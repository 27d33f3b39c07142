/**
 * Several versions of one user document to one, and an edit into a document: the same rule for both.
 *
 * For each preference a document is in one of many states, and the states are in one total order: first by edit stamp
 * (none is least), then by the value's canonical JSON text (a removal is least). The greatest state wins. A merge that
 * takes the greatest of a total order, for each preference by itself, is commutative, associative and idempotent: it
 * does not matter which device merges what, how often, or in which order.
 */
import { canonicalCopy, canonicalJson } from './canonical-json.ts';
import { isEditStamp, type EditStamp } from './edit-stamp.ts';
import type { PatchOf, Preferences } from './preference-rules.ts';
import type { UserDocument } from './user-document-shape.ts';

interface Entry {
  /** '' when the value was never stamped. */
  readonly stamp: string;
  /** Canonical JSON of the value, '' when the preference is not set. */
  readonly text: string;
}

const UNSET: Entry = { stamp: '', text: '' };

const isGreater = (a: Entry, b: Entry): boolean => (a.stamp === b.stamp ? a.text > b.text : a.stamp > b.stamp);

const entriesOf = <P extends object>({ preferences, edits }: UserDocument<P>): Map<string, Entry> => {
  const values = new Map<string, unknown>(Object.entries(preferences));
  const stamps = new Map(Object.entries(edits));
  return new Map(
    [...new Set([...values.keys(), ...stamps.keys()])].map((key) => {
      const value = values.get(key);
      return [key, { stamp: stamps.get(key) ?? '', text: value === undefined ? '' : canonicalJson(value) }];
    }),
  );
};

const greatest = (all: Iterable<Map<string, Entry>>): Map<string, Entry> => {
  const result = new Map<string, Entry>();
  for (const entries of all) {
    for (const [key, entry] of entries) if (isGreater(entry, result.get(key) ?? UNSET)) result.set(key, entry);
  }
  return result;
};

const withEntries = <P extends object>(document: UserDocument<P>, entries: Map<string, Entry>): UserDocument<P> => {
  const preferences = [...entries]
    .filter(([, { text }]) => text !== '')
    .map(([key, { text }]): [string, unknown] => [key, JSON.parse(text)]);
  const edits = [...entries]
    .filter(([, { stamp }]) => stamp !== '')
    .map(([key, { stamp }]): [string, string] => [key, stamp]);
  return canonicalCopy({
    ...document,
    preferences: Object.fromEntries(preferences) as P,
    edits: Object.fromEntries(edits),
  });
};

const least = (a: string, b: string): string => (a < b ? a : b);
const most = (a: string, b: string): string => (a > b ? a : b);

/**
 * The document that holds the last edit of every preference of `leaves`, members in canonical order, sharing nothing
 * with them. Throws a TypeError when they are not all of one document.
 */
export const merge = <P extends object = Preferences>(
  leaves: readonly [UserDocument<P>, ...UserDocument<P>[]],
): UserDocument<P> => {
  const [first, ...rest] = leaves;
  if (rest.some(({ _id }) => _id !== first._id)) throw new TypeError('only versions of one document can be merged');
  return withEntries(
    {
      ...first,
      created_at: leaves.map((leaf) => leaf.created_at).reduce(least),
      updated_at: leaves.map((leaf) => leaf.updated_at).reduce(most),
    },
    greatest(leaves.map(entriesOf)),
  );
};

/**
 * The document after an edit. A value of `null` or `undefined` removes the preference; `{}` changes nothing. The edit
 * takes its place by its stamp: a preference that the document has with a greater one keeps its value, so that a draft
 * can be put on top of what was pulled meanwhile. One stamp is for one edit: see nextEditStamp. Throws a RangeError
 * when the stamp is malformed.
 */
export const applyEdit = <P extends object = Preferences>(
  document: UserDocument<P>,
  patch: PatchOf<P>,
  stamp: EditStamp,
): UserDocument<P> => {
  if (!isEditStamp(stamp)) throw new RangeError('not an edit stamp');
  const before = entriesOf(document);
  const edit = new Map(
    Object.entries(patch).map(([key, value]: [string, unknown]) => [
      key,
      { stamp, text: value === undefined || value === null ? '' : canonicalJson(value) },
    ]),
  );
  const taken = [...edit].some(([key, entry]) => isGreater(entry, before.get(key) ?? UNSET));
  const time = stamp.slice(0, '2026-11-22T09:30:01.123Z'.length);
  return withEntries(
    taken ? { ...document, updated_at: most(document.updated_at, time) } : document,
    greatest([before, edit]),
  );
};
