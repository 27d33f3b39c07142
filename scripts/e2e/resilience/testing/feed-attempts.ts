import type { LiveCounts } from '../../../../server/testing/live-client.ts';

export interface Measurements {
  /** In ms. */
  readonly elapsedMs: number;
  /** Sums over the HTTP clients. */
  readonly clientCounts: LiveCounts;
  /** Requests of the PouchDB. */
  readonly peerRequestCount: number;
  /** `METHOD url` of each request that reached the proxy. */
  readonly upstreamRequests: readonly string[];
}

/** Returns how often a feed, or the database's sequence before it, was requested. */
export function countAttempts(database: string, { upstreamRequests }: Measurements): number {
  const [info, feed] = [`GET /${database}`, `GET /${database}/_changes?feed=continuous`];
  const requests = upstreamRequests.filter((request) => request === info || request.startsWith(feed));
  // A request for the sequence and the feed request after it are one attempt.
  return requests.filter((request, n) => request === info || requests[n - 1] !== info).length;
}

/** Returns the number of attempts possible with delays of 50, 100, 200 … 2,500 ms, the shortest with jitter. */
export function maxAttempts(elapsedMs: number): number {
  let attempts = 1;
  for (let [delayMs, totalMs] = [50, 50]; totalMs < elapsedMs; totalMs += delayMs) {
    attempts += 1;
    delayMs = Math.min(delayMs * 2, 2_500);
  }
  return attempts + 1;
}
