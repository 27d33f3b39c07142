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

/** A write between PouchDB's reads of the tree and of a leaf's body is rare, and a second one in a row rarer. */
const MAX_LEAF_READS = 5;

/**
 * Reads all leaves with their histories, deleted ones included, from a local or remote database. Resolves with an empty
 * list when the document is missing. PouchDB reads the tree first and then each body, and reports a leaf as `missing` that was
 * replaced and compacted in between: the leaves are read again then. Rejects when a leaf still cannot be read, for example
 * because the database is closed.
 */
export async function readLeaves({ database, id }: DocumentSource): Promise<readonly RawLeaf[]> {
  for (let reads = 1; ; reads += 1) {
    const rows: readonly { ok?: unknown }[] = await fallbackOnStatus(
      404,
      [],
      database.get(id, { open_revs: 'all', revs: true }),
    );
    if (rows.every(({ ok }) => ok)) return rows.map(({ ok }) => ok as RawLeaf);
    if (reads === MAX_LEAF_READS) throw new Error('The document cannot be read.');
  }
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
