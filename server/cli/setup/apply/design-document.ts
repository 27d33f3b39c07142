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
 * queries until then. A query of a view that is not built waits until it is, which may take hours.
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
  await applySchemaStep(couch, step);
  await deleteDesignDocument(couch, database, warmupDesign._id);
}

/** Replaces any revision that is stored. */
async function putDesignDocument(couch: ServerScope, database: string, design: DesignDocument): Promise<void> {
  const revision = (await readDesigns(couch, database, [design._id])).get(design._id)?.['_rev'];
  await couch
    .use<object>(database)
    .insert({ ...addContentHash(design), ...(typeof revision === 'string' ? { _rev: revision } : {}) });
}
