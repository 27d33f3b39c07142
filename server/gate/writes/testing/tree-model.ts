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
import { compareRevisions } from '../../../../couchdb-design/user-document/revisions.ts';
import type { Values } from '../../../../couchdb-design/user-document/preference-schema.ts';
import type { JsonObject } from '../../../lib/json.ts';
import { runAtOnce } from '../../../lib/time-slices.ts';
import { decideRows } from '../decide-rows.ts';
import { liveLeaves, type DocumentTree, type LeafContent } from '../document-tree.ts';
import { parseReplicatedRow, type ReplicatedRow, type RowRules } from '../parse-row.ts';
import { readContent } from '../read-content.ts';
import { parseRevisionPath, RevisionTree, type Branch } from '../../revision-tree.ts';
import type { RowVerdict } from '../row-verdict.ts';

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
export function store(tree: DocumentTree, document: JsonObject): DocumentTree {
  const path = parseRevisionPath(document['_revisions']);
  if (path === undefined) throw new Error('not a revision');
  const stored = tree.copy();
  stored.add(path, document['_deleted'] === true ? { kind: 'deleted' } : readContent(document, readUserDocument));
  return stored;
}

export const emptyTree: DocumentTree = RevisionTree.of();

export const treeOf = (...documents: readonly JsonObject[]): DocumentTree => documents.reduce(store, emptyTree);

/** Returns the leaves with their paths, in the order of their revisions. */
export const branchesOf = (tree: DocumentTree): readonly Branch<LeafContent>[] =>
  tree
    .leaves()
    .map(({ rev, content }) => ({ path: tree.pathOf(rev), content }))
    .sort((a, b) => compareRevisions(a.path[0], b.path[0]));

export interface Pushed {
  readonly tree: DocumentTree;
  readonly verdicts: readonly RowVerdict['kind'][];
  /** How many documents were sent upstream. */
  readonly writes: number;
}

/** Pushes rows to the tree, as `_bulk_docs` with `new_edits:false` does. */
export function push(tree: DocumentTree, ...rows: readonly JsonObject[]): Pushed {
  const parsed = rows.map((row) => parseReplicatedRow(row, rules));
  const { verdicts, documents } = runAtOnce(decideRows(parsed, tree, schema));
  return { tree: documents.reduce(store, tree), verdicts: verdicts.map(({ kind }) => kind), writes: documents.length };
}

/** Returns the documents of the live leaves, the winner first. */
export const documentsOf = (tree: DocumentTree): readonly UserDocument<object>[] =>
  liveLeaves(tree).flatMap(({ content }) => (content.kind === 'readable' ? [content.document] : []));

export const leavesOf = (tree: DocumentTree): readonly string[] => tree.leaves().map(({ rev }) => rev);
