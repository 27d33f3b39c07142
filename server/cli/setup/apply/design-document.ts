import type { ServerScope } from 'nano';
import { applySchemaStep, deleteDesignDocument } from '../../../upstream/schema/apply-step.ts';
import { addContentHash } from '../../../upstream/schema/design-hash.ts';
import type { DesignDocument } from '../../../upstream/schema/design-documents.ts';
import { readDesigns } from '../../../upstream/schema/read-design-documents.ts';
import type { SchemaStep } from '../../../upstream/schema/schema-plan.ts';
import { viewWarmupDesign } from '../../../upstream/schema/view-warmup-design.ts';
import { buildViews } from './build-views.ts';

/**
 * Writes a design document. If it replaces views, builds the new ones under another name first. The old ones answer
 * queries until then. A query of a view that is not built waits until it is, which may take hours. Replaces the revision that is
 * stored at the time of the write, also if it is not the one that was planned for.
 */
export async function writeDesignDocument(
  couch: ServerScope,
  step: Extract<SchemaStep, { kind: 'write-design' }>,
): Promise<void> {
  const { database, design, replacesViews } = step;
  const warmupDesign = viewWarmupDesign(design);
  if (replacesViews) {
    await putDesignDocument(couch, database, warmupDesign);
    await buildViews(couch, database, warmupDesign);
  }
  // Building views may take hours, and the plan's revision predates them.
  const replacedRevision = await readRevision(couch, database, design._id);
  await applySchemaStep(couch, { ...step, replacedRevision });
  await deleteDesignDocument(couch, database, warmupDesign._id);
}

/** Replaces any revision that is stored. */
async function putDesignDocument(couch: ServerScope, database: string, design: DesignDocument): Promise<void> {
  const revision = await readRevision(couch, database, design._id);
  await couch
    .use<object>(database)
    .insert({ ...addContentHash(design), ...(revision === undefined ? {} : { _rev: revision }) });
}

/** Resolves with undefined if the document does not exist. */
async function readRevision(couch: ServerScope, database: string, id: string): Promise<string | undefined> {
  const revision = (await readDesigns(couch, database, [id])).get(id)?.['_rev'];
  return typeof revision === 'string' ? revision : undefined;
}
