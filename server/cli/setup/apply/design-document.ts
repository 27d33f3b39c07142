import type { ServerScope } from 'nano';
import { statusOf } from '../../../upstream/client.ts';
import type { DesignDocument } from '../../../upstream/schema/design-documents.ts';
import { seal } from '../../../upstream/schema/design-hash.ts';
import { warmDesign } from '../plan/view-warmup-design.ts';
import { warmViews } from './build-views.ts';

/**
 * Writes a design document. With `warm` its views are built under another name first, and until they are the old ones go on
 * to answer: a query of a view that is not built waits until it is, which may take hours.
 */
export async function applyDesign(
  couch: ServerScope,
  database: string,
  design: DesignDocument,
  warm: boolean,
): Promise<void> {
  const beside = warmDesign(design);
  if (warm) {
    await put(couch, database, beside);
    await warmViews(couch, database, beside);
  }
  await put(couch, database, design);
  await removeDesign(couch, database, beside._id);
}

async function put(couch: ServerScope, database: string, design: DesignDocument): Promise<void> {
  const revision = await revisionOf(couch, database, design._id);
  await couch.use(database).insert({ ...seal(design), ...(revision === undefined ? {} : { _rev: revision }) });
}

/** Does nothing when it is not there. */
export async function removeDesign(couch: ServerScope, database: string, id: string): Promise<void> {
  const revision = await revisionOf(couch, database, id);
  if (revision !== undefined) await couch.use(database).destroy(id, revision);
}

async function revisionOf(couch: ServerScope, database: string, id: string): Promise<string | undefined> {
  try {
    return (await couch.use(database).get(id))._rev;
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}
