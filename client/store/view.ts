/** What is shown, as a function of what is stored. */
import { canonicalJson } from '../../couchdb-design/canonical-json.ts';
import { newUserDocument } from '../../couchdb-design/user-document-shape.ts';
import type { Username } from '../../couchdb-design/username.ts';
import { addEdits, applyEdits, isCovered, type Edit } from './edits.ts';
import { unsentEdits, type Known } from './known.ts';
import { documentOf, type Replica } from './replica.ts';
import type { Shape, Values } from './shape.ts';

/** All that the local database holds. */
export interface Stored {
  readonly replica: Replica;
  /** Edits made before there was a document. */
  readonly draft: readonly Edit[];
  /** Edits that were refused together: each is tried alone before it is given up. */
  readonly suspects: readonly Edit[];
  readonly known: Known;
}

/** The edits that the server does not have yet. */
export const unsentOf = ({ replica, draft, suspects, known }: Stored): readonly Edit[] =>
  unsentEdits(documentOf(replica), addEdits(draft, suspects), known);

/** Whether there is something to write that needs no person: a conflict to resolve, or a draft that has its document. */
export const needsSettling = ({ replica, draft, suspects }: Stored): boolean => {
  const document = documentOf(replica);
  if (document === undefined || !replica.isWritable) return false;
  return replica.leaves.length > 1 || draft.length > 0 || suspects.some((edit) => isCovered(edit, document));
};

/** The same values as before where nothing changed, so that what is shown need not be drawn again. */
const keepSame = (before: Values, next: Values): Values => {
  const kept = Object.entries(next).map(([key, value]): [string, unknown] => [
    key,
    canonicalJson(value) === canonicalJson(before[key]) ? before[key] : value,
  ]);
  const isSame =
    kept.length === Object.keys(before).length &&
    kept.every(([key, value]) => Object.hasOwn(before, key) && before[key] === value);
  return isSame ? before : Object.fromEntries(kept);
};

export interface Shown {
  readonly username: Username;
  readonly shape: Shape;
  readonly defaults: Values;
}

/** `pending` are edits that were made and are being stored at this moment; `before` is what was shown before. */
export const shownPreferences = (
  { username, shape, defaults }: Shown,
  stored: Stored | undefined,
  pending: readonly Values[],
  before: Values,
): Values => {
  // A document to show edits on before the first one has come from the server. It is never stored.
  const base = (stored && documentOf(stored.replica)) ?? newUserDocument<Values>(username, new Date(0));
  const { preferences } = applyEdits(base, addEdits(stored?.draft ?? [], stored?.suspects ?? []));
  const shown = Object.entries({ ...preferences, ...Object.assign({}, ...pending) } as Values);
  const known = shape.known(Object.fromEntries(shown.filter(([, value]) => value !== null)));
  return keepSame(before, { ...defaults, ...known });
};
