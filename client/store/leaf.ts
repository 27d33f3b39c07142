/** The shapes of the user document in a local database. */
import type { Values } from '../../couchdb-design/user-document/preference-schema.ts';
import type { UserDocument } from '../../couchdb-design/user-document/user-document-shape.ts';

/** A user document that may hold preferences unknown to this version; a newer version's are kept. */
export type LocalDocument = UserDocument<Values>;

/**
 * A leaf as `open_revs` returns it, with the document's own members. The gate has validated its body. Documents that are
 * older than the version number may lack members.
 */
export interface RawLeaf extends Values {
  /** The leaf's revision. */
  readonly _rev: string;
  /** True for a deleted leaf. Default: false. */
  readonly _deleted?: boolean;
  /** The leaf's history: its generation, and the hashes of its revisions, newest first. */
  readonly _revisions?: { readonly start: number; readonly ids: readonly string[] };
}
