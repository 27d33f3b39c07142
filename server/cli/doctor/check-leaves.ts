import { z } from 'zod';
import type { Upstream } from '../../upstream/client.ts';
import type { DoctorContext } from './context.ts';
import { errorFinding, okFinding, type Finding } from './finding.ts';

/** A document that is in use has few leaves: each is read at every write, and sent to every device at every change. */
const MAX_LEAVES = 32;
/** How many documents a sentence names. */
const MAX_NAMED_DOCUMENTS = 20;
/** Documents per request: some 300 kB of JSON. */
const BATCH_SIZE = 2_000;

/** A document and its number of leaves, deleted ones included. */
export interface LeafCount {
  readonly id: string;
  readonly leaves: number;
}

/** The documents with more than 32 leaves. */
export interface LeafStatistics {
  readonly count: number;
  /** Those with the most leaves, the worst first. */
  readonly worst: readonly LeafCount[];
}

const changesSchema = z.object({
  results: z.array(z.object({ id: z.string(), changes: z.array(z.unknown()) })),
  last_seq: z.union([z.string(), z.number()]),
});

/** Checks the number of leaves of each document. It reads the revisions of the whole registry in batches, without the bodies. */
export async function checkLeaves({ upstream, config }: DoctorContext): Promise<Finding[]> {
  return [evaluateLeaves(await readLeafStatistics(upstream, config.registry))];
}

/** Reads the leaves of all documents, of one batch at a time. */
export async function readLeafStatistics(
  { couch }: Pick<Upstream, 'couch'>,
  registry: string,
  batchSize: number = BATCH_SIZE,
): Promise<LeafStatistics> {
  let statistics: LeafStatistics = { count: 0, worst: [] };
  let since = '0';
  for (;;) {
    const qs = { style: 'all_docs', since, limit: batchSize };
    const { results, last_seq } = changesSchema.parse(await couch.request({ db: registry, path: '_changes', qs }));
    statistics = addLeafCounts(
      statistics,
      results.map(({ id, changes }) => ({ id, leaves: changes.length })),
    );
    // A batch that is not full is the last one. Documents that change meanwhile are moved to the end, and are counted again.
    if (results.length < batchSize) return statistics;
    since = String(last_seq);
  }
}

function addLeafCounts({ count, worst }: LeafStatistics, batch: readonly LeafCount[]): LeafStatistics {
  const many = batch.filter(({ leaves }) => leaves > MAX_LEAVES);
  if (many.length === 0) return { count, worst };
  const ranked = [...worst, ...many].sort((a, b) => b.leaves - a.leaves);
  return { count: count + many.length, worst: ranked.slice(0, MAX_NAMED_DOCUMENTS) };
}

export function evaluateLeaves({ count, worst }: LeafStatistics): Finding {
  if (count === 0) return okFinding('leaves', `No document has more than ${MAX_LEAVES} leaves.`);
  const named = worst.map(({ id, leaves }) => `${id} (${leaves})`).join(', ');
  return errorFinding(
    'leaves',
    `${count} ${count === 1 ? 'document has' : 'documents have'} more than ${MAX_LEAVES} leaves, deleted ones included, so each edit of them is slow: ${named}${count > worst.length ? ' …' : ''}. Run "npm run users -- repair NAME" with the credentials of a server admin (COUCHDB_ADMIN_USER, COUCHDB_ADMIN_PASSWORD), which removes old deleted leaves.`,
  );
}
