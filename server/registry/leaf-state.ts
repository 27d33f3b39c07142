/** A document's leaves, which is all that `_changes` reports about it. Without leaves the document does not exist. */
export interface LeafState {
  /** The revision of every leaf, deleted leaves included, the winner first. */
  readonly leaves: readonly string[];
  /** True when the winner is deleted: then all leaves are. */
  readonly deleted: boolean;
}

export const NO_DOCUMENT: LeafState = { leaves: [], deleted: false };
