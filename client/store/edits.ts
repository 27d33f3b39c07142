/** Edits that are not yet part of the replicated document: a value for one preference and the stamp of when it was set. */
import type { EditStamp } from '../../couchdb-design/edit-stamp.ts';
import { applyEdit } from '../../couchdb-design/merge.ts';
import type { LocalDocument } from './replica.ts';
import type { Values } from './shape.ts';

export interface Edit {
  readonly key: string;
  /** The value that was set; `null` is a removal. */
  readonly value: unknown;
  readonly stamp: EditStamp;
}

export type Edits = readonly Edit[];

/** When each preference was last set. */
export type Stamps = Readonly<Record<string, EditStamp>>;

/** One edit for each preference that the patch names. */
export const editsOfPatch = (patch: Values, stamp: EditStamp): Edits =>
  Object.entries(patch).map(([key, value]) => ({ key, value: value ?? null, stamp }));

/** The later edit of each preference, in the order of the stamps. */
export const latestEdits = (edits: Edits): Edits => {
  const sorted = edits.toSorted((a, b) => (a.stamp + a.key < b.stamp + b.key ? -1 : 1));
  return sorted.filter(({ key }, at) => sorted.findLastIndex((other) => other.key === key) === at);
};

/** The document with the edits in their places: one that is older than what the document holds changes nothing. */
export const applyEdits = (document: LocalDocument, edits: Edits): LocalDocument =>
  edits.reduce((result, { key, value, stamp }) => applyEdit<Values>(result, { [key]: value }, stamp), document);

/** Whether this edit, or a later one of the same preference, is among those of the stamps. */
export const isCovered = ({ key, stamp }: Edit, stamps: Stamps): boolean => (stamps[key] ?? '') >= stamp;
