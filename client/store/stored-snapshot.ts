import type { DeviceId } from '../../couchdb-design/user-document/edit-stamp.ts';
import type { Edits } from './edits.ts';
import type { RawLeaf } from './leaf.ts';

/** The stored data, for inspecting how the sync works. */
export interface StoredSnapshot {
  /** This browser's device id: the last five characters of the stamps of its edits. */
  readonly device: DeviceId;
  /** The id of the user document, e.g. `user_alice`. */
  readonly documentId: string;
  /** The document's leaves with their histories, as PouchDB returns them, deleted ones included. */
  readonly leaves: readonly RawLeaf[];
  /** The edits that the server is not known to have. */
  readonly unsent: Edits;
}
