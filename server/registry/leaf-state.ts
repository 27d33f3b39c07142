/** What `_changes` can tell of a document: its leaves. No leaves: there is no document. */
export interface LeafState {
  /** Every leaf's revision, deleted ones too, the winner first. */
  readonly leaves: readonly string[];
  /** True when the winner is a deletion: then all leaves are. */
  readonly deleted: boolean;
}

export const NO_DOCUMENT: LeafState = { leaves: [], deleted: false };
