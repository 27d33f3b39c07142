/** Reads and writes the live leaves of the user document in one database. */
import { merge } from '../../couchdb-design/user-document/merge.ts';
import type { Values } from '../../couchdb-design/user-document/preference-schema.ts';
import { USER_DOCUMENT_VERSION } from '../../couchdb-design/user-document/user-document-shape.ts';
import type { UserDocumentId } from '../../couchdb-design/user-document/username.ts';
import { fallbackOnStatus, type Database } from '../platform/database.ts';
import type { LocalDocument, RawLeaf } from './leaf.ts';

/** A document's id and the database that holds it. */
export interface DocumentSource {
  readonly database: Database;
  readonly id: UserDocumentId;
}

/** A leaf that is not deleted. */
export interface LiveLeaf {
  readonly rev: string;
  readonly document: LocalDocument;
}

/** What one database holds of the user document. */
export interface Replica {
  /** The leaves that are not deleted, in any order. Empty when the document is missing or deleted. */
  readonly leaves: readonly LiveLeaf[];
  /** The revisions of all leaves, deleted ones included. */
  readonly revisions: readonly string[];
  /** The merge of all live leaves, which is shown and edited before and after their conflict is resolved. */
  readonly document: LocalDocument | undefined;
  /**
   * False when the document is missing or has another version. A write to a newer version would lose what this version
   * cannot read. The gate upgrades older versions.
   */
  readonly isWritable: boolean;
}

const documentOfLeaf = ({ _rev, _deleted, _revisions, ...body }: RawLeaf): LocalDocument =>
  ({ preferences: {}, edits: {}, ...body }) as unknown as LocalDocument;

/** Computes a replica from raw leaves. Deleted leaves do not contribute to its document. */
export function createReplica(raw: readonly RawLeaf[]): Replica {
  const leaves = raw
    .filter(({ _deleted }) => !_deleted)
    .map((leaf) => ({ rev: leaf._rev, document: documentOfLeaf(leaf) }));
  const [first, ...others] = leaves.map(({ document }) => document);
  return {
    leaves,
    revisions: raw.map(({ _rev }) => _rev),
    document: first && merge<Values>([first, ...others]),
    isWritable:
      first !== undefined && leaves.every(({ document: { version } }) => (version as number) === USER_DOCUMENT_VERSION),
  };
}

/**
 * Reads all leaves with their histories, deleted ones included, from a local or remote database. Resolves with an empty
 * list when the document is missing. Rejects when a leaf cannot be read: PouchDB reports leaves as `missing` when the
 * database is closed during the read.
 */
export async function readLeaves({ database, id }: DocumentSource): Promise<readonly RawLeaf[]> {
  const rows: readonly { ok?: unknown }[] = await fallbackOnStatus(
    404,
    [],
    database.get(id, { open_revs: 'all', revs: true }),
  );
  return rows.map(({ ok }) => {
    if (!ok) throw new Error('The document cannot be read.');
    return ok as RawLeaf;
  });
}

/** Reads the leaves and computes their replica. Rejects as `readLeaves`. */
export const readReplica = async (source: DocumentSource): Promise<Replica> => createReplica(await readLeaves(source));

/** Writes a child of `rev`. Resolves with false when `rev` is not a leaf any more: read again and retry. */
export const writeChildRevision = (
  { database }: DocumentSource,
  rev: string,
  document: LocalDocument,
): Promise<boolean> =>
  fallbackOnStatus(
    409,
    false,
    database.put({ ...document, _rev: rev }).then(() => true),
  );

/** Stores existing revisions with their histories, as replication does. */
export const storeLeaves = ({ database }: DocumentSource, documents: readonly object[]): Promise<unknown> =>
  database.bulkDocs([...documents] as StoredBodies, { new_edits: false });

type StoredBodies = Parameters<Database['bulkDocs']>[0];
