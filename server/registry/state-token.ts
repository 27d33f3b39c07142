import { createHash } from 'node:crypto';
import { parseRevision } from '../../couchdb-design/user-document/revisions.ts';
import type { LeafState } from './leaf-state.ts';

/** Our `seq`: `<highest generation>-<digest of the leaves>`, or `0` when there is no document. */
export type StateToken = string;

const generationOfRevision = (revision: string): number => parseRevision(revision)?.generation ?? 0;

/**
 * Returns the token of a state. A revision's id is a digest of its content, so the leaves and the deleted flag are the
 * whole state. A token does not repeat, because every write replaces a leaf by a descendant or adds one, and it reveals nothing
 * about other users.
 */
export function stateToken(state: LeafState): StateToken {
  if (state.leaves.length === 0) return '0';
  const digest = createHash('sha256');
  digest.update(state.deleted ? 'deleted' : 'live');
  for (const leaf of [...state.leaves].sort()) digest.update(`\n${leaf}`);
  const highest = Math.max(...state.leaves.map(generationOfRevision));
  return `${highest}-${digest.digest('hex').slice(0, 32)}`;
}

/** Returns the highest generation in a token from a client, or 0 for a text that is not a token. */
export function generationOfToken(token: string): number {
  const match = /^(\d{1,10})-[0-9a-f]{32}$/.exec(token);
  return match === null ? 0 : Number(match[1]);
}

/**
 * Whether a state's highest generation is lower than the token's. In a cluster a read may come from a replica that lags
 * behind what the client already knows. So retry such a read first: lag passes, a restored database stays.
 */
export function isOlderThan(state: LeafState, since: string): boolean {
  return generationOfToken(stateToken(state)) < generationOfToken(since);
}
