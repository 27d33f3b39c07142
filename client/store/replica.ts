/** The user document as a database has it: all its live leaves, read and written. */
import { merge } from '../../couchdb-design/user-document/merge.ts';
import { USER_DOCUMENT_VERSION, type UserDocument } from '../../couchdb-design/user-document/user-document-shape.ts';
import type { UserDocumentId } from '../../couchdb-design/user-document/username.ts';
import { fallbackOnStatus, type Database } from '../platform/database.ts';
import type { Values } from './schema.ts';

/** A user document whose preferences need not all be known here: those of a newer application are kept. */
export type LocalDocument = UserDocument<Values>;

/** Where a document is. */
export interface DocumentSource {
  readonly database: Database;
  readonly id: UserDocumentId;
}

export interface LiveLeaf {
  readonly rev: string;
  readonly document: LocalDocument;
}

export interface Replica {
  /** Those that are not deleted, in any order. None: there is no document, or it is deleted. */
  readonly leaves: readonly LiveLeaf[];
  /** All leaves, deleted ones too. */
  readonly revisions: readonly string[];
  /** What is shown and edited: the merge of all live leaves, whether or not their conflict has been resolved yet. */
  readonly document: LocalDocument | undefined;
  /**
   * False when there is none; when a newer program wrote it, since to write on top of what one cannot read would lose it;
   * and when it is of an older version, which the gate brings up to date.
   */
  readonly isWritable: boolean;
}

/** A leaf as `open_revs` gives it. Its body has passed the gate; one of before there were versions may lack members. */
export interface RawLeaf extends Values {
  readonly _rev: string;
  readonly _deleted?: boolean;
  readonly _revisions?: { readonly start: number; readonly ids: readonly string[] };
}

const documentOfLeaf = ({ _rev, _deleted, _revisions, ...body }: RawLeaf): LocalDocument =>
  ({ preferences: {}, edits: {}, ...body }) as unknown as LocalDocument;

/** Makes a replica of raw leaves. Deleted ones are no part of what is shown. */
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
 * All leaves of the document with their histories, deleted ones too; none when there is no document. Works remotely too.
 * Rejects when one cannot be read, as when the database is closed meanwhile: PouchDB says `missing` then.
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

export const readReplica = async (source: DocumentSource): Promise<Replica> => createReplica(await readLeaves(source));

/** Writes a revision on top of `rev`. False when that is no leaf any more: read again, and try again. */
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

/** Stores revisions that exist already, with their histories. */
export const storeLeaves = ({ database }: DocumentSource, documents: readonly object[]): Promise<unknown> =>
  database.bulkDocs([...documents] as StoredBodies, { new_edits: false });

type StoredBodies = Parameters<Database['bulkDocs']>[0];
