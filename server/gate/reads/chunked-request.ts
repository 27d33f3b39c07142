import { tooLarge } from '../../http/errors.ts';

/** Rows in one upstream request. With `latest`, each row may be answered by every leaf. */
const CHUNK_SIZE = 4;
/** Twice the number of leaves that a document may have. A legitimate replica requests one leaf per row. */
const MAX_REVISIONS = 200;

/**
 * Requests rows in chunks and concatenates the results. With `latest`, an old revision is answered by all its leaves: 200
 * rows in some ten kilobytes could request a gigabyte, which would delay all other users. Rejects with 413 when the results
 * hold more revisions than any replica needs.
 *
 * @param countRevisions Returns how many documents a result holds.
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
      throw tooLarge(`The requested rows resolve to more than ${MAX_REVISIONS} revisions.`);
    const part = await requestChunk(rows.slice(start, start + CHUNK_SIZE));
    results.push(...part);
    revisionCount += part.reduce((sum: number, result) => sum + countRevisions(result), 0);
  }
  return results;
}
