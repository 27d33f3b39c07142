/** Revisions of the user document: their order, and how a conflict of them ends. */
export {
  resolveConflict,
  type Conflict,
  type MergedRevision,
  type Resolution,
  type Tombstone,
} from './resolve-conflict.ts';
export {
  compareRevisions,
  isRevision,
  parseRevision,
  winningRevision,
  type Leaf,
  type Revision,
  type RevisionParts,
} from './revision-order.ts';
