import type { ServerScope } from 'nano';
import { z } from 'zod';
import { statusOf } from '../client.ts';

export type StoredDesigns = ReadonlyMap<string, Readonly<Record<string, unknown>>>;

const listSchema = z.object({ rows: z.array(z.object({ id: z.string() })) });
const documentSchema = z.record(z.string(), z.unknown());

/**
 * A database's design documents by id: those that it lists, and of `known` those that are there. A list is one copy's of a
 * cluster, which may be behind for a moment; each document is then read from as many copies as a write was acknowledged by.
 * Rejects as nano does.
 */
export async function readDesignDocuments(
  couch: ServerScope,
  db: string,
  known: readonly string[],
): Promise<StoredDesigns> {
  const qs = { startkey: '_design/', endkey: '_design0' };
  const { rows } = listSchema.parse(await couch.request({ db, path: '_all_docs', qs }));
  const ids = [...new Set([...rows.map(({ id }) => id), ...known])];
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
