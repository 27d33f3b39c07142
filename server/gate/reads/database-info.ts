import { createHash } from 'node:crypto';
import type { JsonObject } from '../../lib/json.ts';
import { stateToken } from '../../registry/state-token.ts';
import type { LeafState } from '../../registry/leaf-state.ts';

/**
 * What `GET /sync/` says: nothing of the upstream's. The uuid goes into PouchDB's replication ids, so it must be the
 * same on every gate of a deployment and after every restart; hence a digest of where clients find the database.
 */
export function welcomeResponse(publicUrl: string, database: string): JsonObject {
  const uuid = createHash('sha256').update(`pouchgate ${publicUrl} ${database}`).digest('hex').slice(0, 32);
  return { couchdb: 'Welcome', uuid, features: [], vendor: { name: 'Pouchgate' } };
}

/** What `GET /sync/user_registry/` says: a database that holds the one document of the caller, or none yet. */
export function databaseInfo(database: string, state: LeafState): JsonObject {
  const exists = state.leaves.length > 0;
  return {
    db_name: database,
    doc_count: exists && !state.deleted ? 1 : 0,
    doc_del_count: exists && state.deleted ? 1 : 0,
    update_seq: stateToken(state),
    purge_seq: 0,
    instance_start_time: '0',
    compact_running: false,
    disk_format_version: 8,
    sizes: { active: 0, external: 0, file: 0 },
    props: {},
  };
}
