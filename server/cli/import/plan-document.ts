/** Decides what the import of one user writes, from what is stored. Pure. */
import { editSourceOf } from '../../../couchdb-design/user-document/edit-sources.ts';
import { keysOf, merge, stampOf, valueText } from '../../../couchdb-design/user-document/merge.ts';
import { resolveConflict, type Resolution } from '../../../couchdb-design/user-document/revisions.ts';
import {
  findWriteViolation,
  formatViolation,
  type UserDocument,
  type Values,
} from '../../../couchdb-design/user-document/user-document.ts';
import type { DocumentRules } from '../documents/document-rules.ts';

/** What is stored of the user's document: all leaves. */
export interface ExistingRevision {
  readonly _rev: string;
  readonly _deleted?: unknown;
}

export type DocumentPlan =
  | {
      readonly kind: 'write';
      readonly document: UserDocument<Values> & { readonly _rev?: string };
      readonly kept: readonly string[];
    }
  /** The stored document has a conflict, which is resolved first. */
  | { readonly kind: 'resolve'; readonly docs: Resolution<Values> }
  | { readonly kind: 'unchanged'; readonly kept: readonly string[] }
  | { readonly kind: 'skip'; readonly reason: string };

const skip = (reason: string): DocumentPlan => ({ kind: 'skip', reason });

/**
 * Plans the import of a document. Values that the user has set since, by any interface, stay as they are: `kept` has their names if
 * they differ. Those that an earlier import wrote are replaced by newer ones.
 */
export function planDocument(
  existing: readonly ExistingRevision[],
  imported: UserDocument<Values>,
  { readUserDocument, schema }: DocumentRules,
): DocumentPlan {
  const live = existing.filter(({ _deleted }) => _deleted !== true);
  if (existing.length > 0 && live.length === 0) return skip('was deleted here, and is not created again');
  const leaves = [];
  for (const leaf of live) {
    const parsed = readUserDocument(leaf);
    if (!parsed.ok) return skip(`cannot be edited here: ${parsed.reason}`);
    leaves.push({ rev: leaf._rev, document: parsed.document });
  }
  const [first, ...others] = leaves;
  if (first === undefined) return checkWrite(undefined, imported, [], schema);
  if (others.length > 0) return { kind: 'resolve', docs: resolveConflict({ leaves }) };
  const { rev, document: before } = first;
  const isEdited = (key: string): boolean => {
    const stamp = stampOf(before, key);
    return stamp !== undefined && editSourceOf(stamp) !== 'import';
  };
  const keys = keysOf(imported);
  const kept = keys.filter((key) => isEdited(key) && valueText(before, key) !== valueText(imported, key));
  const after = merge([
    before,
    pickKeys(
      imported,
      keys.filter((key) => !isEdited(key)),
    ),
  ]);
  const isUnchanged = keys.every(
    (key) => stampOf(before, key) === stampOf(after, key) && valueText(before, key) === valueText(after, key),
  );
  return isUnchanged ? { kind: 'unchanged', kept } : checkWrite({ rev, document: before }, after, kept, schema);
}

function checkWrite(
  base: { readonly rev: string; readonly document: UserDocument<Values> } | undefined,
  after: UserDocument<Values>,
  kept: readonly string[],
  schema: DocumentRules['schema'],
): DocumentPlan {
  const violation = findWriteViolation({ before: base?.document, after, schema });
  if (violation !== undefined) return skip(`is not imported: ${formatViolation(violation)}`);
  return { kind: 'write', document: base === undefined ? after : { ...after, _rev: base.rev }, kept };
}

const pickKeys = (document: UserDocument<Values>, keys: readonly string[]): UserDocument<Values> => {
  const pick = <T>(members: Readonly<Record<string, T>>) =>
    Object.fromEntries(Object.entries(members).filter(([key]) => keys.includes(key)));
  return { ...document, preferences: pick(document.preferences), edits: pick(document.edits) };
};
