import type { ServerScope } from 'nano';
import { z } from 'zod';
import { statusOf } from '../client.ts';
import type { DesiredSchema } from './plan-schema.ts';
import { readDesigns } from './read-design-documents.ts';
import type { DatabaseState, SchemaState } from './schema-plan.ts';
import { readSecurity } from './security-objects.ts';

/** Reads what a plan needs, as a server admin. Does not look for documents that Pouchgate did not write. */
export async function readSchemaState(
  couch: ServerScope,
  { registry, sessions, design }: DesiredSchema,
): Promise<SchemaState> {
  return {
    users: await readDatabaseState(couch, '_users'),
    sessions: await readDatabaseState(couch, sessions),
    registry: await readDatabaseState(couch, registry),
    designs: await readDesigns(
      couch,
      registry,
      design.designs.map(({ _id }) => _id),
    ),
  };
}

const infoSchema = z.object({ props: z.object({ partitioned: z.boolean().optional() }).optional() });

/** Reads a database's properties and access rules. */
export async function readDatabaseState(couch: ServerScope, db: string): Promise<DatabaseState> {
  const info: unknown = await undefinedIfMissing(couch.request({ db }));
  if (info === undefined) return { exists: false };
  return {
    exists: true,
    partitioned: infoSchema.parse(info).props?.partitioned ?? false,
    security: readSecurity(await couch.request({ db, path: '_security' })),
    foreignDocument: undefined,
  };
}

/** Resolves with undefined for a 404. */
export async function undefinedIfMissing<T>(request: Promise<T>): Promise<T | undefined> {
  try {
    return await request;
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}
