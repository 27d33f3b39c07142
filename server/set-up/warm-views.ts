import { setTimeout as pause } from 'node:timers/promises';
import type { ServerScope } from 'nano';
import { z } from 'zod';
import { statusOf } from '../upstream/couch.ts';
import type { DesignDocument } from '../upstream/design-documents.ts';
import { SetUpError } from '../upstream/set-up-error.ts';

/** In ms, between two looks at how far an index is. */
const LOOK_AGAIN = 500;
/** So many requests in a row may fail before we give up; a large index is asked for many times, and each takes its time. */
const MOST_FAILURES = 20;

const infoSchema = z.object({
  view_index: z.object({
    updater_running: z.boolean(),
    updates_pending: z.object({ total: z.number() }).optional(),
  }),
});

/**
 * Resolves once the views of a design document are built, on every copy of every shard. A query has CouchDB build them; it
 * may be answered by one copy, or break off as too slow, and the building goes on.
 */
export async function warmViews(couch: ServerScope, db: string, { _id, views }: DesignDocument): Promise<void> {
  const names = Object.keys(typeof views === 'object' && views !== null ? views : {});
  // To CouchDB they are one index, to the embedded engine one each.
  for (const name of names) await warmView(couch, db, _id, `${_id}/_view/${encodeURIComponent(name)}`);
}

async function warmView(couch: ServerScope, db: string, id: string, path: string): Promise<void> {
  let failures = 0;
  while (!((await isAnswered(couch, db, path)) && (await isBuilt(couch, db, id)))) {
    failures += 1;
    if (failures > MOST_FAILURES && !(await isRunning(couch, db, id))) {
      throw new SetUpError(
        `The views of ${id} in ${db} are not being built; look into CouchDB's log, and run this again.`,
      );
    }
    await pause(LOOK_AGAIN);
  }
}

async function isAnswered(couch: ServerScope, db: string, path: string): Promise<boolean> {
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

async function readIndex(couch: ServerScope, db: string, id: string): Promise<z.infer<typeof infoSchema> | undefined> {
  try {
    return infoSchema.parse(await couch.request({ db, path: `${id}/_info` }));
  } catch (error) {
    // The embedded engine has one index, which was built when the query was answered.
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

async function isBuilt(couch: ServerScope, db: string, id: string): Promise<boolean> {
  const index = await readIndex(couch, db, id);
  return (index?.view_index.updates_pending?.total ?? 0) === 0;
}

async function isRunning(couch: ServerScope, db: string, id: string): Promise<boolean> {
  return (await readIndex(couch, db, id))?.view_index.updater_running ?? false;
}
