import { z } from 'zod';
import { unavailable } from '../../http/errors.ts';
import { atMost } from '../../lib/concurrency-limit.ts';
import { pauseAfter } from '../../lib/jittered-delay.ts';
import type { Documents } from '../document-store.ts';

const TAKEN_ID = 'telegram-updates';
/** Telegram sends an update again within minutes, or not at all. */
const MOST_KEPT = 500;
const MOST_CONFLICTS = 8;

const takenSchema = z.object({ recent: z.array(z.int()) });

/**
 * Takes an update that came by webhook: true for the first who does so, of all gates, false for one that was taken before.
 * Rejects with 502 or 503 when the database fails.
 */
export function createTake(documents: Documents): (update: number) => Promise<boolean> {
  const oneByOne = atMost(1);
  return (update) =>
    oneByOne(async () => {
      for (let attempt = 1; attempt <= MOST_CONFLICTS; attempt += 1) {
        const stored = await documents.read(TAKEN_ID);
        const { recent = [] } = takenSchema.safeParse(stored).data ?? {};
        if (recent.includes(update)) return false;
        const next = { type: TAKEN_ID, recent: [...recent, update].slice(-MOST_KEPT) };
        if ((await documents.write(TAKEN_ID, next, stored?._rev)) !== undefined) return true;
        await pauseAfter(attempt);
      }
      throw unavailable('Too many updates come at once.');
    });
}
