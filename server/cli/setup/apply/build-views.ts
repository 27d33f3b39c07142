import { setTimeout as pause } from 'node:timers/promises';
import type { ServerScope } from 'nano';
import { z } from 'zod';
import { statusOf } from '../../../upstream/client.ts';
import type { DesignDocument } from '../../../upstream/schema/design-documents.ts';
import { SetupError } from '../../../upstream/setup-error.ts';

/** In ms, between two looks at how far an index is. */
const POLL_INTERVAL_MS = 500;
/** So many requests in a row may fail before we give up; a large index is asked for many times, and each takes its time. */
const MAX_CONSECUTIVE_FAILURES = 20;

const infoSchema = z.object({
  view_index: z.object({
    updater_running: z.boolean(),
    waiting_commit: z.boolean().optional(),
    updates_pending: z.object({ total: z.number() }).optional(),
  }),
});

/**
 * Resolves once the views of a design document are built, on every copy of every shard, and on the disk. A query has CouchDB
 * build them; it may be answered by one copy, or break off as too slow, and the building goes on.
 */
export async function buildViews(couch: ServerScope, db: string, { _id, views }: DesignDocument): Promise<void> {
  const names = Object.keys(typeof views === 'object' && views !== null ? views : {});
  // To CouchDB they are one index, to the embedded engine one each.
  for (const name of names) await buildView(couch, db, _id, `${_id}/_view/${encodeURIComponent(name)}`);
}

async function buildView(couch: ServerScope, db: string, id: string, path: string): Promise<void> {
  let failures = 0;
  while (failures < MAX_CONSECUTIVE_FAILURES) {
    const isQueryable = await queryView(couch, db, path);
    const index = await readIndexState(couch, db, id);
    if (isQueryable && index === 'built') return;
    failures = index === 'under way' ? 0 : failures + 1;
    await pause(POLL_INTERVAL_MS);
  }
  throw new SetupError(`The views of ${id} in ${db} are not being built; look into CouchDB's log, and run this again.`);
}

async function queryView(couch: ServerScope, db: string, path: string): Promise<boolean> {
  try {
    await couch.request({ db, path, qs: { limit: 1, reduce: 'false' } });
    return true;
  } catch (error) {
    const status = statusOf(error);
    // Too slow, in CouchDB's words or by silence. Anything else does not get better by waiting.
    if (status === undefined || status >= 500) return false;
    throw error;
  }
}

async function readIndexState(couch: ServerScope, db: string, id: string): Promise<'built' | 'under way' | 'idle'> {
  try {
    const { view_index: index } = infoSchema.parse(await couch.request({ db, path: `${id}/_info` }));
    // What is not committed is lost when the document goes by whose name it was built (couch_index:terminate), some seconds'
    // worth of it.
    if (index.updater_running || index.waiting_commit === true) return 'under way';
    return (index.updates_pending?.total ?? 0) === 0 ? 'built' : 'idle';
  } catch (error) {
    // The embedded engine has an index for each view, which is built when a query of it is answered.
    if (statusOf(error) === 404) return 'built';
    // As with a query: too slow.
    const status = statusOf(error);
    if (status === undefined || status >= 500) return 'idle';
    throw error;
  }
}
