import type { UserDocumentReader } from '../../../couchdb-design/user-document/read-user-document.ts';
import { compareRevisions } from '../../../couchdb-design/user-document/revisions.ts';
import type { Leaf, RevisionTree } from '../revision-tree.ts';
import { parseLeaves } from '../stored-revisions.ts';
import { readContent, type ReadableContent, type UnreadableContent } from './read-content.ts';

/** What a leaf contains. An operator may have stored what this version cannot read. */
export type LeafContent = ReadableContent | UnreadableContent | { readonly kind: 'deleted' };

export type DocumentLeaf = Leaf<LeafContent>;

/** The revision tree of a user document; empty when the document does not exist. */
export type DocumentTree = RevisionTree<LeafContent>;

/** Parses the response to `GET document?open_revs=all&revs=true`. Throws 502 for an invalid leaf. */
export const parseTree = (response: unknown, readDocument: UserDocumentReader): DocumentTree =>
  parseLeaves<LeafContent>(response, (leaf) =>
    leaf['_deleted'] === true ? { kind: 'deleted' } : readContent(leaf, readDocument),
  );

/** Returns the leaves that are not deleted, the winner first. */
export const liveLeaves = (tree: DocumentTree): readonly DocumentLeaf[] =>
  tree
    .leaves()
    .filter(({ content }) => content.kind !== 'deleted')
    .toSorted((a, b) => compareRevisions(b.rev, a.rev));
