/** What is shown, as a function of what is stored. */
import {
  newUserDocument,
  withDefaults,
  type Preferences,
  type PreferencesPatch,
  type UserDocument,
  type Username,
} from '../../couchdb-design/user-document.ts';
import { addEdits, applyEdits, isCovered, type Edit } from './edits.ts';
import { unsentEdits, type Known } from './known.ts';
import { documentOf, type Replica } from './replica.ts';

/** All that the local database holds. */
export interface Stored {
  readonly replica: Replica;
  /** Edits made before there was a document. */
  readonly draft: readonly Edit[];
  /** Edits that were refused together: each is tried alone before it is given up. */
  readonly suspects: readonly Edit[];
  readonly known: Known;
}

/** The preferences with their defaults. */
export type ShownPreferences = Required<Preferences>;

/** The edits that the server does not have yet. */
export const unsentOf = ({ replica, draft, suspects, known }: Stored): readonly Edit[] =>
  unsentEdits(documentOf(replica), addEdits(draft, suspects), known);

/** Whether there is something to write that needs no person: a conflict to resolve, or a draft that has its document. */
export const needsSettling = ({ replica, draft, suspects }: Stored): boolean => {
  const document = documentOf(replica);
  if (replica.kind !== 'present' || document === undefined) return false;
  return replica.leaves.length > 1 || draft.length > 0 || suspects.some((edit) => isCovered(edit, document));
};

/** A document to show edits on before the first one has come from the server. It is never stored. */
const blank = (username: Username): UserDocument => newUserDocument(username, new Date(0));

/** `pending` are edits that were made and are being stored at this moment. */
export const shownPreferences = (
  username: Username,
  stored: Stored | undefined,
  pending: readonly PreferencesPatch[],
): ShownPreferences => {
  const base = (stored === undefined ? undefined : documentOf(stored.replica)) ?? blank(username);
  const document = applyEdits(base, addEdits(stored?.draft ?? [], stored?.suspects ?? []));
  const shown = new Map<string, unknown>(Object.entries(document.preferences));
  for (const [key, value] of pending.flatMap((patch): [string, unknown][] => Object.entries(patch))) {
    if (value === null || value === undefined) shown.delete(key);
    else shown.set(key, value);
  }
  return withDefaults(Object.fromEntries(shown));
};
