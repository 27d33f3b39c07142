/**
 * Merges several versions of one user document, and applies an edit to a document, by the same rule.
 *
 * Each preference of a document has a state, and states are totally ordered: first by edit stamp (none is least), then by
 * the value's canonical JSON text (a removal is least). The greatest state of each preference wins. Such a merge is
 * commutative, associative and idempotent: it does not matter which device merges what, how often, or in which order.
 */
import { canonicalCopy, canonicalJson } from './canonical-json.ts';
import { isEditStamp, type EditStamp } from './edit-stamp.ts';
import type { PatchOf, Preferences } from './preference-rules.ts';
import type { UserDocument } from './user-document-shape.ts';

type Members = Readonly<Record<string, unknown>>;

/** Returns an own member; `undefined` when it is missing, inherited or `null`. */
const getOwn = (members: object, key: string): unknown =>
  Object.hasOwn(members, key) ? ((members as Members)[key] ?? undefined) : undefined;

/** The part of a document that a merge compares. */
export type Contents = Pick<UserDocument<object>, 'preferences' | 'edits'>;

/** Returns a preference's value; `undefined` when it has none. */
export const valueOf = ({ preferences }: Pick<Contents, 'preferences'>, key: string): unknown =>
  getOwn(preferences, key);

/** Returns the stamp of a preference's last edit; `undefined` when it has none, or a malformed one, which no edit could exceed. */
export const stampOf = ({ edits }: Pick<Contents, 'edits'>, key: string): EditStamp | undefined => {
  const stamp = getOwn(edits, key);
  return isEditStamp(stamp) ? stamp : undefined;
};

/** Returns a preference's value as text; an empty text when it has none. */
export const valueText = (contents: Pick<Contents, 'preferences'>, key: string): string => {
  const value = valueOf(contents, key);
  return value === undefined ? '' : canonicalJson(value);
};

/** Returns a preference's state as text that sorts like the states. All stamps have one length and contain no space. */
const stateSortKey = (contents: Contents, key: string): string =>
  `${stampOf(contents, key) ?? ''} ${valueText(contents, key)}`;

/** Returns every preference of which one of the documents has a state, each once. */
export const keysOf = (...documents: readonly Contents[]): readonly string[] => [
  ...new Set(documents.flatMap(({ preferences, edits }) => [...Object.keys(preferences), ...Object.keys(edits)])),
];

const mergeTwo = <P extends object>(a: UserDocument<P>, b: UserDocument<P>): UserDocument<P> => {
  const winners = keysOf(a, b).map((key) => [key, stateSortKey(a, key) < stateSortKey(b, key) ? b : a] as const);
  const pickWinning = <T>(read: (winner: UserDocument<P>, key: string) => T) =>
    Object.fromEntries(winners.map(([key, winner]) => [key, read(winner, key)]));
  return canonicalCopy({
    ...a,
    preferences: pickWinning(valueOf) as P,
    // The copy omits the stamps that are undefined.
    edits: pickWinning(stampOf) as Readonly<Record<string, EditStamp>>,
    created_at: a.created_at < b.created_at ? a.created_at : b.created_at,
    updated_at: a.updated_at > b.updated_at ? a.updated_at : b.updated_at,
  });
};

/**
 * Returns the document with the last edit of every preference in `leaves`: a deep copy, members in canonical order. All
 * leaves must belong to one document; the caller ensures that by reading them by id.
 */
export const merge = <P extends object = Preferences>(
  leaves: readonly [UserDocument<P>, ...UserDocument<P>[]],
): UserDocument<P> => leaves.reduce((merged, leaf) => mergeTwo(merged, leaf), leaves[0]);

/**
 * Returns the document after an edit. A value of `null` or `undefined` removes the preference; `{}` changes nothing. A
 * preference with a greater stamp keeps its value, so that a draft can be applied to a document pulled in the meantime.
 * Each edit needs a new stamp: see nextEditStamp. Throws a RangeError when the stamp is malformed.
 */
export const applyEdit = <P extends object = Preferences>(
  document: UserDocument<P>,
  patch: PatchOf<P>,
  stamp: EditStamp,
): UserDocument<P> => {
  if (!isEditStamp(stamp)) throw new RangeError('not an edit stamp');
  const edits: Readonly<Record<string, EditStamp>> = Object.fromEntries(Object.keys(patch).map((key) => [key, stamp]));
  const edited = mergeTwo(document, { ...document, preferences: patch as P, edits });
  const time = stamp.slice(0, '2026-11-22T09:30:01.123Z'.length);
  const wasApplied = Object.values(edited.edits).includes(stamp);
  return wasApplied && time > edited.updated_at ? { ...edited, updated_at: time } : edited;
};
