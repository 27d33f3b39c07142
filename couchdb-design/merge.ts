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

interface State {
  /** '' when the value was never stamped. */
  readonly stamp: string;
  /** Canonical JSON of the value, '' when the preference is not set. */
  readonly text: string;
}

type Stated = Pick<UserDocument<object>, 'preferences' | 'edits'>;

const statesOf = ({ preferences, edits }: Stated): [string, State][] => {
  const values = new Map<string, unknown>(Object.entries(preferences));
  return [...new Set([...values.keys(), ...Object.keys(edits)])].map((key) => {
    const value = values.get(key);
    const stamp = Object.hasOwn(edits, key) ? (edits[key] ?? '') : '';
    return [key, { stamp, text: value === undefined || value === null ? '' : canonicalJson(value) }];
  });
};

/** `document` with the greatest state of each preference in `all`. */
const withGreatest = <P extends object>(document: UserDocument<P>, all: readonly Stated[]): UserDocument<P> => {
  const greatest = new Map<string, State>();
  for (const [key, state] of all.flatMap(statesOf)) {
    const { stamp, text } = greatest.get(key) ?? { stamp: '', text: '' };
    if (state.stamp === stamp ? state.text >= text : state.stamp > stamp) greatest.set(key, state);
  }
  const states = [...greatest];
  return canonicalCopy({
    ...document,
    preferences: Object.fromEntries(
      states.flatMap(([key, { text }]) => (text === '' ? [] : [[key, JSON.parse(text) as unknown]])),
    ) as P,
    edits: Object.fromEntries(states.flatMap(([key, { stamp }]) => (stamp === '' ? [] : [[key, stamp]]))),
  });
};

/**
 * The document that holds the last edit of every preference of `leaves`, members in canonical order, sharing nothing
 * with them. Throws a TypeError when they are not all of one document.
 */
export const merge = <P extends object = Preferences>(
  leaves: readonly [UserDocument<P>, ...UserDocument<P>[]],
): UserDocument<P> => {
  const [first] = leaves;
  if (leaves.some(({ _id }) => _id !== first._id)) throw new TypeError('only versions of one document can be merged');
  const created = leaves.map(({ created_at }) => created_at).sort();
  const updated = leaves.map(({ updated_at }) => updated_at).sort();
  return withGreatest(
    { ...first, created_at: created[0] ?? first.created_at, updated_at: updated.at(-1) ?? first.updated_at },
    leaves,
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
  const edits = Object.fromEntries(Object.keys(patch).map((key) => [key, stamp]));
  const after = withGreatest(document, [document, { preferences: patch, edits }]);
  const isTaken =
    canonicalJson([after.preferences, after.edits]) !== canonicalJson([document.preferences, document.edits]);
  const time = stamp.slice(0, '2026-11-22T09:30:01.123Z'.length);
  return isTaken && time > document.updated_at ? { ...after, updated_at: time } : after;
};
