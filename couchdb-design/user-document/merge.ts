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

type Members = Readonly<Record<string, unknown>>;

/** The member of this name; undefined when it is none of the object's own, or `null`. */
const getOwn = (members: object, key: string): unknown =>
  Object.hasOwn(members, key) ? ((members as Members)[key] ?? undefined) : undefined;

/** A preference's state as a text, in whose order the states are: all stamps are of one length, without a space. */
const stateSortKey = ({ preferences, edits }: UserDocument<object>, key: string): string => {
  const value = getOwn(preferences, key);
  return `${(getOwn(edits, key) as EditStamp | undefined) ?? ''} ${value === undefined ? '' : canonicalJson(value)}`;
};

const mergeTwo = <P extends object>(a: UserDocument<P>, b: UserDocument<P>): UserDocument<P> => {
  const keys = Object.keys({ ...a.preferences, ...a.edits, ...b.preferences, ...b.edits });
  const winners = keys.map((key) => [key, stateSortKey(a, key) < stateSortKey(b, key) ? b : a] as const);
  const pickWinning = (part: 'preferences' | 'edits') =>
    Object.fromEntries(winners.map(([key, winner]) => [key, getOwn(winner[part], key)]));
  return canonicalCopy({
    ...a,
    preferences: pickWinning('preferences') as P,
    edits: pickWinning('edits') as Readonly<Record<string, EditStamp>>,
    created_at: a.created_at < b.created_at ? a.created_at : b.created_at,
    updated_at: a.updated_at > b.updated_at ? a.updated_at : b.updated_at,
  });
};

/**
 * The document that holds the last edit of every preference of `leaves`, members in canonical order, sharing nothing
 * with them. They are of one document: whoever reads leaves, by its id, sees to that.
 */
export const merge = <P extends object = Preferences>(
  leaves: readonly [UserDocument<P>, ...UserDocument<P>[]],
): UserDocument<P> => leaves.reduce((merged, leaf) => mergeTwo(merged, leaf), leaves[0]);

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
  const edits: Readonly<Record<string, EditStamp>> = Object.fromEntries(Object.keys(patch).map((key) => [key, stamp]));
  const after = mergeTwo(document, { ...document, preferences: patch as P, edits });
  const time = stamp.slice(0, '2026-11-22T09:30:01.123Z'.length);
  const wasApplied = Object.values(after.edits).includes(stamp);
  return wasApplied && time > after.updated_at ? { ...after, updated_at: time } : after;
};
