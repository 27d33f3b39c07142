/** Revisions of the user document: their order, and the resolution of conflicts. */
export {
  resolveConflict,
  type Conflict,
  type MergedRevision,
  type Resolution,
  type Tombstone,
} from './resolve-conflict.ts';
export { compareRevisions, isRevision, parseRevision, type Revision, type RevisionParts } from './revision-order.ts';
export { winningRevision, type Leaf } from './winning-revision.ts';
