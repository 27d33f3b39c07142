import type { ServerScope } from 'nano';
import { statusOf } from '../../../upstream/client.ts';
import type { DesignDocument } from '../../../upstream/schema/design-documents.ts';
import { addContentHash } from '../../../upstream/schema/design-hash.ts';
import { viewWarmupDesign } from '../plan/view-warmup-design.ts';
import { buildViews } from './build-views.ts';

/**
 * Writes a design document. With `warm` its views are built under another name first, and until they are the old ones go on
 * to answer: a query of a view that is not built waits until it is, which may take hours.
 */
export async function writeDesignDocument(
  couch: ServerScope,
  database: string,
  design: DesignDocument,
  buildViewsFirst: boolean,
): Promise<void> {
  const warmupDesign = viewWarmupDesign(design);
  if (buildViewsFirst) {
    await putDesignDocument(couch, database, warmupDesign);
    await buildViews(couch, database, warmupDesign);
  }
  await putDesignDocument(couch, database, design);
  await deleteDesignDocument(couch, database, warmupDesign._id);
}

async function putDesignDocument(couch: ServerScope, database: string, design: DesignDocument): Promise<void> {
  const revision = await readRevision(couch, database, design._id);
  await couch
    .use(database)
    .insert({ ...addContentHash(design), ...(revision === undefined ? {} : { _rev: revision }) });
}

/** Does nothing when it is not there. */
export async function deleteDesignDocument(couch: ServerScope, database: string, id: string): Promise<void> {
  const revision = await readRevision(couch, database, id);
  if (revision !== undefined) await couch.use(database).destroy(id, revision);
}

async function readRevision(couch: ServerScope, database: string, id: string): Promise<string | undefined> {
  try {
    return (await couch.use(database).get(id))._rev;
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}
