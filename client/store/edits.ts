/**
 * Edits that are not yet part of the replicated document: a value for one preference and the stamp of when it was set.
 * They wait in `_local/` documents, which PouchDB never replicates.
 */
import { isEditStamp, type EditStamp } from '../../couchdb-design/edit-stamp.ts';
import { applyEdit } from '../../couchdb-design/merge.ts';
import { isPreferenceKey } from '../../couchdb-design/user-document-shape.ts';
import type { LocalDocument } from './replica.ts';
import type { Values } from './shape.ts';

export interface Edit {
  readonly key: string;
  /** The value that was set; `null` is a removal. */
  readonly value: unknown;
  readonly stamp: EditStamp;
}

/** One edit for each preference that the patch names. */
export const editsOfPatch = (patch: Values, stamp: EditStamp): readonly Edit[] =>
  Object.entries(patch).map(([key, value]) => ({ key, value: value ?? null, stamp }));

/** Both lists in one, the later edit of each preference, oldest first. */
export const addEdits = (edits: readonly Edit[], more: readonly Edit[]): readonly Edit[] => {
  const byKey = new Map<string, Edit>();
  for (const edit of [...edits, ...more]) {
    const before = byKey.get(edit.key);
    if (before === undefined || edit.stamp > before.stamp) byKey.set(edit.key, edit);
  }
  return [...byKey.values()].sort((a, b) => (a.stamp < b.stamp ? -1 : a.stamp > b.stamp ? 1 : a.key < b.key ? -1 : 1));
};

/** What is left of `edits` without those in `done` (the same preference at the same stamp). */
export const withoutEdits = (edits: readonly Edit[], done: readonly Edit[]): readonly Edit[] =>
  edits.filter(({ key, stamp }) => !done.some((other) => other.key === key && other.stamp === stamp));

/** The document with the edits in their places: one that is older than what the document holds changes nothing. */
export const applyEdits = (document: LocalDocument, edits: readonly Edit[]): LocalDocument =>
  edits.reduce((result, { key, value, stamp }) => applyEdit<Values>(result, { [key]: value }, stamp), document);

/** Whether the document already holds this edit, or a later one of the same preference. */
export const isCovered = (edit: Edit, document: LocalDocument): boolean =>
  (document.edits[edit.key] ?? '') >= edit.stamp;

/** Reads edits from storage. What is malformed is dropped: it could never be applied. */
export const readEdits = (value: unknown): readonly Edit[] => {
  const list: readonly unknown[] = Array.isArray(value) ? value : [];
  return addEdits(
    [],
    list.flatMap((item): Edit[] => {
      if (typeof item !== 'object' || item === null) return [];
      const { key, value: set, stamp } = item as Values;
      return typeof key === 'string' && isPreferenceKey(key) && isEditStamp(stamp)
        ? [{ key, value: set ?? null, stamp }]
        : [];
    }),
  );
};
