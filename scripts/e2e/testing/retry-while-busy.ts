import { setTimeout as delay } from 'node:timers/promises';
import { MAX_WAIT_MS } from '../../../couchdb-design/testing/patience.ts';

const RETRY_AFTER_MS = 1_000;
/** What a gate responds, and what the application and the command report, when the database does not respond in time. */
const BUSY = /\b503\b|does not answer|is busy/;

/** Repeats the work while the server is too busy for it, as any client does. A busy machine is no fault of the server. */
export async function retryWhileBusy<T>(work: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + MAX_WAIT_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!BUSY.test(String(error)) || performance.now() > deadline) throw error;
      await delay(RETRY_AFTER_MS);
    }
  }
}
