/** Pending edits: the value of one preference, and the stamp of when it was set. */
import { latestEditStamp, type EditStamp } from '../../couchdb-design/user-document/edit-stamp.ts';
import { merge } from '../../couchdb-design/user-document/merge.ts';
import type { Values } from '../../couchdb-design/user-document/preference-schema.ts';
import type { ClockReading } from '../platform/clock.ts';
import { isDeepEqual } from '../platform/structural-equality.ts';
import type { LocalDocument } from './leaf.ts';

/** The clocks when an edit was made. */
export interface EditOrigin extends ClockReading {
  /** The greatest stamp that the device had from the server; undefined for none. */
  readonly seen?: EditStamp | undefined;
}

/** One edit of one preference. */
export interface Edit {
  /** The preference that was edited. */
  readonly key: string;
  /** The value that was set; `null` for a removal. */
  readonly value: unknown;
  /** When and by which device it was set. Stamps of one preference sort by time. */
  readonly stamp: EditStamp;
  /**
   * True after the server rejected a revision that included this edit. The edit is then sent alone, to find out whether
   * the server rejects it.
   */
  readonly isSuspect?: boolean;
  /** How the clocks were when it was made, if its stamp can be corrected by the server's clock. */
  readonly made?: EditOrigin;
}

/** Edits of one user document, in any order. */
export type Edits = readonly Edit[];

type Stamps = LocalDocument['edits'];

/** The length of the timestamp that a stamp begins with, as in `2026-11-22T09:30:01.123Z`. */
export const TIMESTAMP_LENGTH = '2026-11-22T09:30:01.123Z'.length;

/** What is shown and edited before the server's document has been pulled. */
export const EMPTY_DOCUMENT = {
  preferences: {},
  edits: {},
  created_at: '',
  updated_at: '',
} as unknown as LocalDocument;

/** The values or the stamps of these edits, by preference. */
export const toRecord = (edits: Edits, part: 'value' | 'stamp'): Values =>
  Object.fromEntries(edits.map((edit) => [edit.key, edit[part]]));

/** Merges edits into the document, at most one for each preference. An edit older than the document's changes nothing. */
export const applyEdits = (document: LocalDocument, edits: Edits): LocalDocument =>
  merge<Values>([
    document,
    {
      ...document,
      preferences: toRecord(edits, 'value'),
      edits: toRecord(edits, 'stamp') as Stamps,
      updated_at: (latestEditStamp(edits.map(({ stamp }) => stamp)) ?? '').slice(0, TIMESTAMP_LENGTH),
    },
  ]);

/** The stamp of the preference's last edit in the document; '' when there is none. */
export const editStampIn = (document: LocalDocument | undefined, key: string): EditStamp => document?.edits[key] ?? '';

/** Whether the document has this edit, or a later one of the same preference. */
export const isIncludedIn = ({ key, stamp }: Edit, document: LocalDocument | undefined): boolean =>
  editStampIn(document, key) >= stamp;

/** Whether both contain the same edits, in any order. */
export const haveSameStamps = (a: Edits, b: Edits): boolean => {
  const stamps = (edits: Edits): readonly string[] => edits.map(({ key, stamp }) => stamp + key).sort();
  return isDeepEqual(stamps(a), stamps(b));
};

/** The last edit of every preference in the document. */
export const editsIn = ({ edits, preferences }: LocalDocument): Edits =>
  Object.entries(edits).map(([key, stamp]) => ({ key, value: preferences[key] ?? null, stamp }));
