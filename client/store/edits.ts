/** Edits that the server is not known to have yet: a value for one preference and the stamp of when it was set. */
import { latestEditStamp, type EditStamp } from '../../couchdb-design/user-document/edit-stamp.ts';
import { merge } from '../../couchdb-design/user-document/merge.ts';
import type { LocalDocument } from './replica.ts';
import type { Values } from './schema.ts';

export interface Edit {
  readonly key: string;
  /** The value that was set; `null` is a removal. */
  readonly value: unknown;
  readonly stamp: EditStamp;
  /** It was refused together with others: it is tried alone before it is given up. */
  readonly isSuspect?: boolean;
}

export type Edits = readonly Edit[];

type Stamps = LocalDocument['edits'];

/** What a document has of these edits, by preference. */
export const toRecord = (edits: Edits, part: 'value' | 'stamp'): Values =>
  Object.fromEntries(edits.map((edit) => [edit.key, edit[part]]));

/**
 * The document with the edits, one of a preference at the most, in their places: one that is older than what the document
 * holds changes nothing.
 */
export const applyEdits = (document: LocalDocument, edits: Edits): LocalDocument =>
  merge<Values>([
    document,
    {
      ...document,
      preferences: toRecord(edits, 'value'),
      edits: toRecord(edits, 'stamp') as Stamps,
      updated_at: (latestEditStamp(edits.map(({ stamp }) => stamp)) ?? '').slice(0, '2026-11-22T09:30:01.123Z'.length),
    },
  ]);

/** When the preference was last set in the document. */
export const editStampIn = (document: LocalDocument | undefined, key: string): EditStamp => document?.edits[key] ?? '';

/** Whether the document has this edit, or a later one of the same preference. */
export const isIncludedIn = ({ key, stamp }: Edit, document: LocalDocument | undefined): boolean =>
  editStampIn(document, key) >= stamp;

/** The last edit of every preference in the document. */
export const editsIn = ({ edits, preferences }: LocalDocument): Edits =>
  Object.entries(edits).map(([key, stamp]) => ({ key, value: preferences[key] ?? null, stamp }));
