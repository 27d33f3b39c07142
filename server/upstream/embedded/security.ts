import { badRequest } from '../../http/errors.ts';
import { CLOSED_SECURITY, isSecurity } from './access.ts';
import { readDocument, type Json } from './pouchdb.ts';
import { ENGINE_DATABASE, type Storage } from './storage.ts';

/**
 * The `_security` objects of all databases, stored in the engine's internal database. (PouchDB's plugin stores them in a
 * `_local` document of the database itself, where a member who may write checkpoints could change them.)
 */
export interface SecurityObjects {
  read(database: string): Promise<Json>;
  write(database: string, security: Json): Promise<void>;
  remove(database: string): Promise<void>;
}

/** Opens the security objects, and creates the engine's internal database if necessary. */
export async function openSecurityObjects(storage: Storage): Promise<SecurityObjects> {
  await storage.create(ENGINE_DATABASE);
  const engineDatabase = await storage.open(ENGINE_DATABASE);
  if (engineDatabase === undefined) throw new Error('The engine cannot open its own database.');
  const idOf = (database: string): string => `security:${database}`;

  const put = (database: string, security: Json | undefined): Promise<void> =>
    engineDatabase.writeQueue(async () => {
      const stored = await readDocument(engineDatabase.pouch, idOf(database));
      if (stored === undefined && security === undefined) return;
      const revision = stored === undefined ? {} : { _rev: String(stored['_rev']) };
      await engineDatabase.pouch.put({ _id: idOf(database), ...revision, security });
    });
  return {
    async read(database) {
      const stored = await readDocument(engineDatabase.pouch, idOf(database));
      return (stored?.['security'] as Json | undefined) ?? CLOSED_SECURITY;
    },
    write: async (database, security) => {
      if (!isSecurity(security)) throw badRequest('_security must hold admins and members, each with names and roles.');
      await put(database, security);
    },
    remove: (database) => put(database, undefined),
  };
}
