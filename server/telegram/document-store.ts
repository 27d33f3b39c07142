import type { DocumentScope, ServerScope } from 'nano';
import { z } from 'zod';
import { badGateway } from '../http/errors.ts';
import { readDocuments, type StoredDocument } from '../upstream/read-documents.ts';
import { toUpstreamError } from '../upstream/upstream-error.ts';
import { writeExclusively } from '../upstream/exclusive-write.ts';

/** The bot's documents in the database of sessions. Every method rejects with 502 or 503 if the database fails. */
export interface DocumentStore {
  read(id: string): Promise<StoredDocument | undefined>;
  readAll(ids: readonly string[]): Promise<readonly StoredDocument[]>;
  /** Lists the ids that start with `prefix`. */
  listIds(prefix: string): Promise<readonly string[]>;
  /**
   * Writes a document on top of `revision`, or a new one if that is `undefined`. Resolves with the new revision, or with
   * `undefined` on a conflict.
   */
  write(id: string, document: object, revision: string | undefined): Promise<string | undefined>;
  /** Deletes a document. Resolves with whether this call deleted it, as opposed to a concurrent one. */
  remove(document: StoredDocument): Promise<boolean>;
}

const listSchema = z.object({ rows: z.array(z.object({ id: z.string() })) });

export function createDocumentStore(couch: ServerScope, database: string): DocumentStore {
  const db: DocumentScope<unknown> = couch.use(database);
  const readAll = async (ids: readonly string[]): Promise<readonly StoredDocument[]> =>
    ids.length === 0 ? [] : [...(await readDocuments(couch, database, ids)).values()];
  return {
    readAll,
    read: async (id) => (await readAll([id]))[0],
    listIds: async (prefix) => {
      const response: unknown = await db
        .list({ startkey: prefix, endkey: `${prefix}\ufff0` })
        .catch((error: unknown) => {
          throw toUpstreamError(error);
        });
      const { data } = listSchema.safeParse(response);
      if (data === undefined) throw badGateway('The database returned an invalid list of documents.');
      return data.rows.map(({ id }) => id);
    },
    write: async (id, document, revision) => {
      const body = { ...document, _id: id, ...(revision === undefined ? {} : { _rev: revision }) };
      return await writeExclusively(couch, database, body);
    },
    remove: async ({ _id, _rev }) =>
      (await writeExclusively(couch, database, { _id, _rev, _deleted: true })) !== undefined,
  };
}
