/** Sends a request again when its response is late, so that a dead connection in the browser's pool causes only a short delay. */
import { delay } from '../../platform/pace.ts';

/**
 * The request is sent again after these times, in milliseconds. A browser may have kept three idle connections: as many as the
 * replication uses at a time. Each may be dead, and gets one request.
 */
const HEDGE_DELAYS_MS = [500, 1_000, 1_500] as const;

/**
 * Settles as the first of up to four concurrent requests that settles. The request must be safe to repeat. A pending request
 * occupies its connection, so the next one uses another connection.
 */
export async function hedge<T>(send: () => Promise<T>, signal: AbortSignal): Promise<T> {
  const settled = new AbortController();
  const stop = (): void => settled.abort();
  signal.addEventListener('abort', stop);
  const later = HEDGE_DELAYS_MS.map(async (ms) => {
    await delay(ms, settled.signal);
    if (settled.signal.aborted) throw new Error('The request has settled.');
    return send();
  });
  try {
    return await Promise.race([send(), ...later]);
  } finally {
    stop();
    signal.removeEventListener('abort', stop);
  }
}
