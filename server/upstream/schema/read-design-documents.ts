import type { ServerScope } from 'nano';
import { z } from 'zod';
import { statusOf } from '../client.ts';

/** Design documents by id, as stored. */
export type StoredDesigns = ReadonlyMap<string, Readonly<Record<string, unknown>>>;

const listSchema = z.object({ rows: z.array(z.object({ id: z.string() })) });
const documentSchema = z.record(z.string(), z.unknown());

/**
 * Reads a database's design documents: those in its list, and those of `knownIds` that exist. In a cluster the list
 * comes from one replica, which may lag. Each document is then read from as many replicas as acknowledge a write.
 *
 * @throws As nano does.
 */
export async function readDesignDocuments(
  couch: ServerScope,
  db: string,
  knownIds: readonly string[],
): Promise<StoredDesigns> {
  const qs = { startkey: '_design/', endkey: '_design0' };
  const { rows } = listSchema.parse(await couch.request({ db, path: '_all_docs', qs }));
  return readDesigns(couch, db, [...new Set([...rows.map(({ id }) => id), ...knownIds])]);
}

/** Reads those of `ids` that exist. */
export async function readDesigns(couch: ServerScope, db: string, ids: readonly string[]): Promise<StoredDesigns> {
  const read = async (id: string): Promise<[string, Readonly<Record<string, unknown>>][]> => {
    try {
      return [[id, documentSchema.parse(await couch.request({ db, path: id }))]];
    } catch (error) {
      if (statusOf(error) === 404) return [];
      throw error;
    }
  };
  return new Map((await Promise.all(ids.map(read))).flat());
}
