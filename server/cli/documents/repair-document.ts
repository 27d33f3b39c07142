import { newSourceDeviceId } from '../../../couchdb-design/user-document/edit-sources.ts';
import { compareRevisions, resolveConflict } from '../../../couchdb-design/user-document/revisions.ts';
import type { UserDocumentId } from '../../../couchdb-design/user-document/user-document.ts';
import { RETRY_AT_ONCE, retryOnConflict } from '../../lib/retry-on-conflict.ts';
import { readStoredLeaves, type StoredLeaves } from '../../preferences/read-leaves.ts';
import { errorMessage } from '../../upstream/setup-error.ts';
import { toUpstreamError } from '../../upstream/upstream-error.ts';
import { writeRows } from '../../upstream/write-rows.ts';
import { CommandError } from '../command-error.ts';
import type { Deployment } from '../deployment.ts';
import type { Change } from './describe-changes.ts';
import { planRepair, type RepairPlan } from './plan-repair.ts';

/** What a repair did, or in a dry run would do. */
export interface RepairReport {
  readonly id: string;
  readonly changes: readonly Change[];
  /** How many conflicting revisions were merged. */
  readonly merged: number;
  /** How many deleted leaves were purged. */
  readonly purged: number;
  readonly removesSecret: boolean;
  /** What no repair corrects, a sentence each. */
  readonly left: readonly string[];
}

/** The newest deleted leaves are kept: from them, replicas that were offline learn which conflicts are resolved. */
export const KEPT_DELETED_LEAVES = 16;
const MAX_ATTEMPTS = 20;
/** CouchDB's limit of revisions in one request, for all documents (`[purge] max_revisions_number`). */
const MAX_PURGED_REVISIONS = 1_000;

/**
 * Repairs a document: merges its conflicts, writes what interfaces read of it without what looks like a secret, and purges old deleted
 * leaves. A well-formed document is not written. Rejects with a CommandError if other writers interfere repeatedly.
 */
export async function repairDocument(
  deployment: Deployment,
  id: UserDocumentId,
  dryRun: boolean,
): Promise<RepairReport> {
  const { upstream, registry, rules } = deployment;
  const { couch } = upstream;
  const device = newSourceDeviceId('command line', Math.random);
  let [merged, changes]: [number, readonly Change[]] = [0, []];
  const attempt = async () => {
    const stored = await readStoredLeaves(couch, registry, id);
    const plan = planRepair(stored.live, { read: rules.readUserDocument, now: upstream.clock.now(), device });
    if (changes.length === 0) changes = plan.changes;
    const conflicts = Math.max(0, plan.leaves.length - 1);
    if (dryRun) {
      merged = conflicts;
      return { stored, plan };
    }
    if (conflicts > 0) {
      merged += conflicts;
      await storeResolution(deployment, plan);
      return RETRY_AT_ONCE;
    }
    const [leaf] = stored.live;
    if (plan.document === undefined || leaf === undefined) return { stored, plan };
    const [row] = await writeRows(couch, registry, [{ ...plan.document, _rev: leaf.rev } as { _id: string }]);
    if (row?.error === undefined) return { stored, plan };
    if (row.error.name === 'conflict') return undefined;
    throw new CommandError(`CouchDB refuses the repaired document ${id}: ${row.error.reason}.`);
  };
  const { stored, plan } = await retryOnConflict(attempt, {
    maxAttempts: MAX_ATTEMPTS,
    onExhausted: () => new CommandError(`Another process keeps writing ${id}. Run this again.`),
  });
  const { purged, left } = await purgeDeletedLeaves(deployment, id, stored, dryRun);
  const { removesSecret } = plan;
  return { id, changes, merged, purged, removesSecret, left: [...plan.left, ...left] };
}

async function storeResolution({ upstream, registry }: Deployment, { leaves }: RepairPlan): Promise<void> {
  await upstream.couch
    .use<object>(registry)
    .bulk({ docs: [...resolveConflict({ leaves })], new_edits: false })
    .catch((error: unknown) => {
      throw toUpstreamError(error);
    });
}

/** Returns the deleted leaves beyond the newest ones. None if the document is deleted: then they keep its name taken. */
function oldDeletedLeaves({ live, state }: StoredLeaves): string[] {
  if (live.length === 0) return [];
  const deleted = state.leaves.filter((rev) => live.every((leaf) => leaf.rev !== rev));
  return deleted.toSorted((a, b) => compareRevisions(b, a)).slice(KEPT_DELETED_LEAVES);
}

async function purgeDeletedLeaves(
  { kind, admin, registry }: Deployment,
  id: string,
  stored: StoredLeaves,
  dryRun: boolean,
): Promise<Pick<RepairReport, 'purged' | 'left'>> {
  const revisions = oldDeletedLeaves(stored).slice(0, MAX_PURGED_REVISIONS);
  if (revisions.length === 0) return { purged: 0, left: [] };
  const leaves = `${revisions.length} old deleted revisions`;
  if (kind === 'embedded') return { purged: 0, left: [`It keeps ${leaves}, which the embedded engine cannot purge.`] };
  if (admin === undefined) {
    return {
      purged: 0,
      left: [
        `It keeps ${leaves}. To purge them, set COUCHDB_ADMIN_USER and COUCHDB_ADMIN_PASSWORD, and run this again.`,
      ],
    };
  }
  if (dryRun) return { purged: revisions.length, left: [] };
  try {
    await admin.couch.request({ db: registry, path: '_purge', method: 'POST', body: { [id]: revisions } });
    return { purged: revisions.length, left: [] };
  } catch (error) {
    return { purged: 0, left: [`It keeps ${leaves}: CouchDB could not purge them (${errorMessage(error)}).`] };
  }
}
