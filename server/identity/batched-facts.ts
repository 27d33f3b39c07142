import type { ServerScope } from 'nano';
import type { ReadFacts } from './fact-cache.ts';
import { factOf, type Fact } from './facts.ts';
import { readDocuments } from './read-documents.ts';

interface Asked {
  readonly ids: readonly string[];
  readonly resolve: (facts: ReadonlyMap<string, Fact>) => void;
  readonly reject: (error: unknown) => void;
}

/** In one request; what many gates' worth of users ask for after an interruption takes few requests, none of them long. */
const LARGEST_BATCH = 250;
const MOST_IN_FLIGHT = 4;

/**
 * Reads facts, those of many callers in one request: what is asked for in the same turn of the event loop, and what
 * gathers while requests are under way.
 */
export function createBatchedFacts(couch: ServerScope, database: string): ReadFacts {
  let waiting: Asked[] = [];
  let inFlight = 0;

  const readBatch = async (batch: readonly Asked[]): Promise<void> => {
    const documents = await readDocuments(couch, database, [...new Set(batch.flatMap((asked) => asked.ids))]);
    for (const asked of batch) asked.resolve(new Map(asked.ids.map((id) => [id, factOf(id, documents.get(id))])));
  };

  const flush = (): void => {
    while (waiting.length > 0 && inFlight < MOST_IN_FLIGHT) {
      const batch = waiting.slice(0, LARGEST_BATCH);
      waiting = waiting.slice(LARGEST_BATCH);
      inFlight += 1;
      readBatch(batch)
        .catch((error: unknown) => {
          for (const asked of batch) asked.reject(error);
        })
        .finally(() => {
          inFlight -= 1;
          flush();
        });
    }
  };

  return (ids) =>
    new Promise((resolve, reject) => {
      waiting.push({ ids, resolve, reject });
      if (waiting.length === 1) setImmediate(flush);
    });
}
