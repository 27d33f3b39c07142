import { setTimeout as delay } from 'node:timers/promises';
import type { ServerScope } from 'nano';
import { z } from 'zod';
import { statusOf } from '../../../upstream/client.ts';
import type { DesignDocument } from '../../../upstream/schema/design-documents.ts';
import { SetupError } from '../../../upstream/setup-error.ts';

const POLL_INTERVAL_MS = 500;
/** Only failures without progress count: a large index takes many polls, and each may time out. */
const MAX_CONSECUTIVE_FAILURES = 20;

const infoSchema = z.object({
  view_index: z.object({
    updater_running: z.boolean(),
    waiting_commit: z.boolean().optional(),
    updates_pending: z.object({ total: z.number() }).optional(),
  }),
});

/**
 * Resolves once the views of a design document are built on every replica of every shard, and committed to disk. A query
 * starts the build. It may be answered by one replica, or time out; the build continues.
 *
 * @throws {SetupError} If the build makes no progress.
 */
export async function buildViews(couch: ServerScope, db: string, { _id, views }: DesignDocument): Promise<void> {
  const names = Object.keys(typeof views === 'object' && views !== null ? views : {});
  // CouchDB has one index for all of them, the embedded engine one for each.
  for (const name of names) await buildView(couch, db, _id, `${_id}/_view/${encodeURIComponent(name)}`);
}

async function buildView(couch: ServerScope, db: string, id: string, path: string): Promise<void> {
  let failures = 0;
  while (failures < MAX_CONSECUTIVE_FAILURES) {
    const isQueryable = await queryView(couch, db, path);
    const index = await readIndexState(couch, db, id);
    if (isQueryable && index === 'built') return;
    failures = index === 'building' ? 0 : failures + 1;
    await delay(POLL_INTERVAL_MS);
  }
  throw new SetupError(`The views of ${id} in ${db} are not being built. Check CouchDB's log, and run this again.`);
}

/** Resolves with false if the query timed out. Rejects with any other error. */
async function queryView(couch: ServerScope, db: string, path: string): Promise<boolean> {
  try {
    await couch.request({ db, path, qs: { limit: 1, reduce: 'false' } });
    return true;
  } catch (error) {
    if (isTimeout(error)) return false;
    throw error;
  }
}

async function readIndexState(couch: ServerScope, db: string, id: string): Promise<'built' | 'building' | 'idle'> {
  try {
    const { view_index: index } = infoSchema.parse(await couch.request({ db, path: `${id}/_info` }));
    // Uncommitted changes, some seconds' worth, are lost when the document is deleted under whose name the index was built
    // (couch_index:terminate).
    if (index.updater_running || index.waiting_commit === true) return 'building';
    return (index.updates_pending?.total ?? 0) === 0 ? 'built' : 'idle';
  } catch (error) {
    // The embedded engine has no `_info`. Its index is built when a query of it is answered.
    if (statusOf(error) === 404) return 'built';
    if (isTimeout(error)) return 'idle';
    throw error;
  }
}

/** CouchDB answers 500 to a request that takes too long; without a status the connection timed out. */
function isTimeout(error: unknown): boolean {
  const status = statusOf(error);
  return status === undefined || status >= 500;
}
