/** Edits that the server is not known to have yet: a value for one preference and the stamp of when it was set. */
import type { EditStamp } from '../../couchdb-design/edit-stamp.ts';
import { applyEdit } from '../../couchdb-design/merge.ts';
import type { LocalDocument } from './replica.ts';
import type { Values } from './shape.ts';

export interface Edit {
  readonly key: string;
  /** The value that was set; `null` is a removal. */
  readonly value: unknown;
  readonly stamp: EditStamp;
  /** It was refused together with others: it is tried alone before it is given up. */
  readonly isSuspect?: boolean;
}

export type Edits = readonly Edit[];

/** One edit for each preference that the patch names. */
export const editsOfPatch = (patch: Values, stamp: EditStamp): Edits =>
  Object.entries(patch).map(([key, value]) => ({ key, value: value ?? null, stamp }));

/** The document with the edits in their places: one that is older than what the document holds changes nothing. */
export const applyEdits = (document: LocalDocument, edits: Edits): LocalDocument =>
  edits.reduce((result, { key, value, stamp }) => applyEdit<Values>(result, { [key]: value }, stamp), document);

/** When the preference was last set in the document. */
export const stampIn = (document: LocalDocument | undefined, key: string): EditStamp => document?.edits[key] ?? '';

/** Whether the document has this edit, or a later one of the same preference. */
export const isCovered = ({ key, stamp }: Edit, document: LocalDocument | undefined): boolean =>
  stampIn(document, key) >= stamp;

/** The last edit of every preference in the document. */
export const editsIn = (document: LocalDocument | undefined): Edits =>
  Object.entries(document?.edits ?? {}).map(([key, stamp]) => ({
    key,
    value: document?.preferences[key] ?? null,
    stamp,
  }));

/** The last of the edits of each preference, as suspects, without those that the server has. */
export const suspectsAmong = (edits: Edits, server: LocalDocument | undefined): Edits => {
  const inOrder = edits.toSorted((a, b) => (a.stamp < b.stamp ? -1 : 1));
  const last = new Map(inOrder.map((edit) => [edit.key, { ...edit, isSuspect: true }]));
  return [...last.values()].filter((edit) => !isCovered(edit, server));
};
