import { createHash } from 'node:crypto';
import type { JsonObject } from '../../lib/json.ts';
import { stateToken } from '../../registry/state-token.ts';
import type { LeafState } from '../../registry/leaf-state.ts';

/**
 * The response to `GET /sync/`, which contains nothing from the upstream. The uuid is part of PouchDB's replication ids, so
 * it must be the same on every gate of a deployment and after every restart: a digest of the database's public address.
 */
export function welcomeResponse(publicUrl: string, database: string): JsonObject {
  const uuid = createHash('sha256').update(`pouchgate ${publicUrl} ${database}`).digest('hex').slice(0, 32);
  return { couchdb: 'Welcome', uuid, features: [], vendor: { name: 'Pouchgate' } };
}

/** The response to `GET /sync/user_registry/`: a database with the caller's document only, or an empty one. */
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
