import { z } from 'zod';
import { serviceUnavailable } from '../../http/errors.ts';
import { limitConcurrency } from '../../lib/concurrency-limit.ts';
import { delayWithJitter } from '../../lib/jittered-delay.ts';
import type { DocumentStore } from '../document-store.ts';

const RECENT_UPDATES_ID = 'telegram-updates';
/** Telegram sends an update again within minutes, or not at all. */
const MAX_RECENT_UPDATES = 500;
const MAX_CONFLICTS = 8;

const recentUpdatesSchema = z.object({ recent: z.array(z.int()) });

/**
 * Takes an update that came by webhook: true for the first who does so, of all gates, false for one that was taken before.
 * Rejects with 502 or 503 when the database fails.
 */
export function createDeduplicator(documents: DocumentStore): (update: number) => Promise<boolean> {
  const runExclusive = limitConcurrency(1);
  return (update) =>
    runExclusive(async () => {
      for (let attempt = 1; attempt <= MAX_CONFLICTS; attempt += 1) {
        const stored = await documents.read(RECENT_UPDATES_ID);
        const { recent = [] } = recentUpdatesSchema.safeParse(stored).data ?? {};
        if (recent.includes(update)) return false;
        const next = { type: RECENT_UPDATES_ID, recent: [...recent, update].slice(-MAX_RECENT_UPDATES) };
        if ((await documents.write(RECENT_UPDATES_ID, next, stored?._rev)) !== undefined) return true;
        await delayWithJitter(attempt);
      }
      throw serviceUnavailable('Too many updates come at once.');
    });
}
