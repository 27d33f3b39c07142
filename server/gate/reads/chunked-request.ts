import { tooLarge } from '../../http/errors.ts';

/** Rows in one upstream request: few, since with `latest` each may be answered by every leaf there is. */
const CHUNK_SIZE = 4;
/** More leaves than a document may have, twice over: what an honest replica asks for is a leaf a row. */
const MAX_REVISIONS = 200;

/**
 * Asks for rows part by part and gathers the results; `weigh` says how many documents a result holds. An old revision asked
 * for with `latest` is answered by all its leaves: two hundred rows of some ten kilobytes could so ask for a gigabyte, and
 * everybody else would wait for it. Rejects with 413 when it comes to more than any replica needs.
 */
export async function requestInChunks<T>(
  rows: readonly T[],
  requestChunk: (part: readonly T[]) => Promise<readonly unknown[]>,
  countRevisions: (result: unknown) => number,
): Promise<readonly unknown[]> {
  const results: unknown[] = [];
  let revisionCount = 0;
  for (let start = 0; start < rows.length; start += CHUNK_SIZE) {
    if (revisionCount > MAX_REVISIONS)
      throw tooLarge(`The rows asked for stand for more than ${MAX_REVISIONS} revisions.`);
    const part = await requestChunk(rows.slice(start, start + CHUNK_SIZE));
    results.push(...part);
    revisionCount += part.reduce((sum: number, result) => sum + countRevisions(result), 0);
  }
  return results;
}
