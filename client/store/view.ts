/** What is shown, as a function of what is stored. */
import { canonicalJson } from '../../couchdb-design/canonical-json.ts';
import { newUserDocument } from '../../couchdb-design/user-document-shape.ts';
import type { UserDocumentId, Username } from '../../couchdb-design/username.ts';
import { applyEdits, isCovered, latestEdits, type Edits } from './edits.ts';
import { readKept, type Kept } from './kept.ts';
import { documentOf, readReplica, type Replica, type Source } from './replica.ts';
import type { Shape, Values } from './shape.ts';

/** All that the local database holds of the user. */
export interface Stored extends Replica, Kept {}

export const readStored = async (source: Source): Promise<Stored> => {
  const [replica, kept] = await Promise.all([readReplica(source), readKept(source.database)]);
  return { ...replica, ...kept };
};

/** The edits that the server does not have yet, one for each preference. */
export const unsentOf = (stored: Stored): Edits => {
  const { edits = {}, preferences = {} } = documentOf(stored) ?? {};
  const inDocument = Object.entries(edits).map(([key, stamp]) => ({ key, value: preferences[key] ?? null, stamp }));
  return latestEdits([...inDocument, ...stored.draft, ...stored.suspects]).filter(
    (edit) => !isCovered(edit, stored.known),
  );
};

/** Whether there is something to write that needs no person: a conflict to resolve, or a draft that has its document. */
export const needsSettling = (stored: Stored): boolean => {
  const document = documentOf(stored);
  if (!document || !stored.isWritable) return false;
  const { leaves, draft, suspects } = stored;
  return leaves.length > 1 || draft.length > 0 || suspects.some((edit) => isCovered(edit, document.edits));
};

export interface Shown {
  readonly id: UserDocumentId;
  readonly username: Username;
  readonly shape: Shape;
  readonly defaults: Values;
}

const isSame = (a: unknown, b: unknown): boolean => canonicalJson([a]) === canonicalJson([b]);

/**
 * `pending` are edits that were made and are being stored at this moment; `before` is what was shown before: what did not
 * change stays the same object, so that it need not be drawn again.
 */
export const shownPreferences = (
  { id, username, shape, defaults }: Shown,
  stored: Stored | undefined,
  pending: readonly Values[],
  before: Values,
): Values => {
  // A document to show edits on before the first one has come from the server. It is never stored.
  const base = (stored && documentOf(stored)) ?? newUserDocument<Values>(username, new Date(0), id);
  const { preferences } = applyEdits(base, stored ? [...stored.draft, ...stored.suspects] : []);
  const set = Object.entries(Object.assign({ ...preferences }, ...pending) as Values);
  const next = { ...defaults, ...shape.known(Object.fromEntries(set.filter(([, value]) => value !== null))) };
  if (isSame(next, before)) return before;
  return Object.fromEntries(
    Object.entries(next).map(([key, value]) => [key, isSame(value, before[key]) ? before[key] : value]),
  );
};
