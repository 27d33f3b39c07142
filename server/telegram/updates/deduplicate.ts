import pLimit from 'p-limit';
import { z } from 'zod';
import { serviceUnavailable } from '../../http/errors.ts';
import { retryOnConflict } from '../../lib/retry-on-conflict.ts';
import type { DocumentStore } from '../document-store.ts';

const RECENT_UPDATES_ID = 'telegram-updates';
/** Telegram redelivers an update within minutes, or not at all. */
const MAX_RECENT_UPDATES = 500;
/** Every conflict means that another write succeeded, so after this many Telegram should retry later. */
const MAX_ATTEMPTS = 8;

const recentUpdatesSchema = z.object({ recent: z.array(z.int()) });

/**
 * Returns a function that claims an update delivered by webhook. It resolves with `true` for the first claim among all gates
 * and with `false` for a redelivered update. It rejects with 502 or 503 if the database fails.
 */
export function createDeduplicator(documents: DocumentStore): (updateId: number) => Promise<boolean> {
  const runExclusive = pLimit(1);
  const claim = async (updateId: number): Promise<boolean | undefined> => {
    const stored = await documents.read(RECENT_UPDATES_ID);
    const { recent = [] } = recentUpdatesSchema.safeParse(stored).data ?? {};
    if (recent.includes(updateId)) return false;
    const next = { type: RECENT_UPDATES_ID, recent: [...recent, updateId].slice(-MAX_RECENT_UPDATES) };
    const revision = await documents.write(RECENT_UPDATES_ID, next, stored?._rev);
    return revision === undefined ? undefined : true;
  };
  const onExhausted = (): Error => serviceUnavailable('Too many updates arrive at the same time.');
  return (updateId) =>
    runExclusive(() => retryOnConflict(() => claim(updateId), { maxAttempts: MAX_ATTEMPTS, onExhausted }));
}
