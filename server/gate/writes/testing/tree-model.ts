/** A registry in memory that stores one document's revisions by the gate's decisions, for tests of those decisions. */
import { createPreferenceSchema } from '../../../../couchdb-design/user-document/preference-schema.ts';
import { preferencesStandardSchema } from '../../../../couchdb-design/user-document/preferences-standard-schema.ts';
import { readUserDocument } from '../../../../couchdb-design/user-document/read-user-document.ts';
import {
  newUserDocument,
  userDocumentId,
  type UserDocument,
  type Username,
} from '../../../../couchdb-design/user-document/user-document.ts';
import type { Values } from '../../../../couchdb-design/user-document/preference-schema.ts';
import type { JsonObject } from '../../../lib/json.ts';
import { decideRows, type RowVerdict } from '../decide-rows.ts';
import { parseReplicatedRow, type ReplicatedRow, type RowRules } from '../parse-row.ts';
import { readContent } from '../read-content.ts';
import {
  addRevision,
  isOnPath,
  liveBranches,
  parseRevisionPath,
  type Branch,
  type RevisionTree,
} from '../revision-tree.ts';

export const schema = createPreferenceSchema(preferencesStandardSchema);
export const rules: RowRules = { ownId: userDocumentId('alice' as Username), readDocument: readUserDocument };
export const emptyDocument = newUserDocument<Values>('alice' as Username, new Date('2026-11-22T09:30:00.000Z'));

/** Returns a revision id from a number. */
export const hex = (n: number): string => n.toString(16).padStart(32, '0');

/** Returns a revision to replicate. `ids` is its path, newest first; its generation is their number, or `start`. */
export const revision = (ids: readonly number[], content: object = emptyDocument, start = ids.length): JsonObject => ({
  ...content,
  _rev: `${start}-${hex(ids[0] ?? 0)}`,
  _revisions: { start, ids: ids.map(hex) },
});

export const tombstone = (ids: readonly number[], start = ids.length): JsonObject =>
  revision(ids, { _id: emptyDocument._id, _deleted: true }, start);

/** Parses a row. Throws when it is refused. */
export const parse = (row: unknown): ReplicatedRow => {
  const parsed = parseReplicatedRow(row, rules);
  if (parsed.kind === 'refusal') throw new Error(parsed.reason);
  return parsed;
};

/** Returns the tree after CouchDB has stored a document with `new_edits:false`. A path may end at a revision that the tree has. */
export function store(tree: RevisionTree, document: JsonObject): RevisionTree {
  const path = parseRevisionPath(document['_revisions']);
  if (path === undefined) throw new Error('not a revision');
  const oldest = path.at(-1) ?? path[0];
  const base: readonly string[] = tree.find((branch) => isOnPath(branch.path, oldest))?.path ?? [];
  const content: Branch['content'] =
    document['_deleted'] === true ? { kind: 'deleted' } : readContent(document, readUserDocument);
  return addRevision(tree, { path: [...path, ...base.slice(base.indexOf(oldest) + 1)], content });
}

export const treeOf = (...documents: readonly JsonObject[]): RevisionTree => documents.reduce(store, []);

export interface Pushed {
  readonly tree: RevisionTree;
  readonly verdicts: readonly RowVerdict['kind'][];
  /** How many documents were sent upstream. */
  readonly writes: number;
}

/** Pushes rows to the tree, as `_bulk_docs` with `new_edits:false` does. */
export function push(tree: RevisionTree, ...rows: readonly JsonObject[]): Pushed {
  const { verdicts, documents } = decideRows(
    rows.map((row) => parseReplicatedRow(row, rules)),
    tree,
    schema,
  );
  return { tree: documents.reduce(store, tree), verdicts: verdicts.map(({ kind }) => kind), writes: documents.length };
}

/** Returns the documents of the live leaves, the winner first. */
export const documentsOf = (tree: RevisionTree): readonly UserDocument<object>[] =>
  liveBranches(tree).flatMap(({ content }) => (content.kind === 'readable' ? [content.document] : []));

export const leavesOf = (tree: RevisionTree): readonly string[] => tree.map(({ path: [leaf] }) => leaf);
