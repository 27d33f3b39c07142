import type { ServerScope } from 'nano';
import { createBatched } from '../../lib/batch-loader.ts';
import type { ReadFacts } from './access-record-cache.ts';
import { factOf } from './access-records.ts';
import { readDocuments } from '../../upstream/read-documents.ts';

/** In one request; what many gates' worth of users ask for after an interruption takes few requests, none of them long. */
const LARGEST_BATCH = 250;
const MOST_IN_FLIGHT = 4;

/** Reads facts, those of many callers in one request. */
export function createBatchedFacts(couch: ServerScope, database: string): ReadFacts {
  return createBatched({
    read: async (batch: readonly (readonly string[])[]) => {
      const documents = await readDocuments(couch, database, [...new Set(batch.flat())]);
      return batch.map((ids) => new Map(ids.map((id) => [id, factOf(id, documents.get(id))])));
    },
    largest: LARGEST_BATCH,
    mostInFlight: MOST_IN_FLIGHT,
  });
}
