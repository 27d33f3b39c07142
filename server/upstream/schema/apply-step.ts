import type { ServerScope } from 'nano';
import { statusOf } from '../client.ts';
import { addContentHash, compareDesign } from './design-hash.ts';
import { readDesigns } from './read-design-documents.ts';
import type { SchemaStep } from './schema-plan.ts';
import { describeUnexpectedAccess, readSecurity } from './security-objects.ts';

/**
 * Applies one step.
 *
 * @returns Whether it changed anything; false if nothing had to be changed, also if another process has just done the same.
 * @throws As nano does; with status 409 if another version of a design document was written since it was planned.
 */
export async function applySchemaStep(couch: ServerScope, step: SchemaStep): Promise<boolean> {
  switch (step.kind) {
    case 'create-database':
      return createDatabase(couch, step.name);
    case 'set-security':
      return setSecurity(couch, step);
    case 'write-design':
      return writeDesign(couch, step);
    case 'delete-design':
      return deleteDesignDocument(couch, step.database, step.id);
  }
}

async function createDatabase(couch: ServerScope, name: string): Promise<boolean> {
  try {
    await couch.db.create(name);
    return true;
  } catch (error) {
    if (statusOf(error) === 412) return false;
    throw error;
  }
}

async function setSecurity(
  couch: ServerScope,
  { database: db, security, acceptsStricter }: Extract<SchemaStep, { kind: 'set-security' }>,
): Promise<boolean> {
  const request = { db, path: '_security' };
  if (acceptsStricter) {
    const stored = readSecurity(await couch.request(request));
    if (describeUnexpectedAccess(stored, security).length === 0) return false;
  }
  await couch.request({ ...request, method: 'PUT', body: security });
  return true;
}

async function writeDesign(
  couch: ServerScope,
  { database, design, replacedRevision }: Extract<SchemaStep, { kind: 'write-design' }>,
): Promise<boolean> {
  const revision = replacedRevision === undefined ? {} : { _rev: replacedRevision };
  try {
    await couch.use<object>(database).insert({ ...addContentHash(design), ...revision });
    return true;
  } catch (error) {
    if (statusOf(error) !== 409) throw error;
    const stored = await readDesigns(couch, database, [design._id]);
    if (compareDesign(design, stored.get(design._id)) !== 'current') throw error;
    return false;
  }
}

/** Resolves with false if the document does not exist. */
export async function deleteDesignDocument(couch: ServerScope, database: string, id: string): Promise<boolean> {
  try {
    const documents = couch.use(database);
    await documents.destroy(id, (await documents.get(id))._rev);
    return true;
  } catch (error) {
    if (statusOf(error) === 404) return false;
    throw error;
  }
}
