import { tooLarge } from '../../http/errors.ts';

/** Rows in one upstream request: few, since with `latest` each may be answered by every leaf there is. */
const PART = 4;
/** More leaves than a document may have, twice over: what an honest replica asks for is a leaf a row. */
const MOST_TOLD = 200;

/**
 * Asks for rows part by part and gathers the results; `weigh` says how many documents a result holds. An old revision asked
 * for with `latest` is answered by all its leaves: two hundred rows of some ten kilobytes could so ask for a gigabyte, and
 * everybody else would wait for it. Rejects with 413 when it comes to more than any replica needs.
 */
export async function inParts<T>(
  rows: readonly T[],
  ask: (part: readonly T[]) => Promise<readonly unknown[]>,
  weigh: (result: unknown) => number,
): Promise<readonly unknown[]> {
  const results: unknown[] = [];
  let told = 0;
  for (let start = 0; start < rows.length; start += PART) {
    if (told > MOST_TOLD) throw tooLarge(`The rows asked for stand for more than ${MOST_TOLD} revisions.`);
    const part = await ask(rows.slice(start, start + PART));
    results.push(...part);
    told += part.reduce((sum: number, result) => sum + weigh(result), 0);
  }
  return results;
}
