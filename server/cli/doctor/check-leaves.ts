import type { Upstream } from '../../upstream/client.ts';
import { readLeafCounts, type LeafCount } from '../documents/read-leaf-counts.ts';
import type { DoctorContext } from './context.ts';
import { errorFinding, okFinding, type Finding } from './finding.ts';

/** A document that is in use has few leaves: each is read at every write, and sent to every device at every change. */
const MAX_LEAVES = 32;
/** How many documents a sentence names. */
const MAX_NAMED_DOCUMENTS = 20;

/** The documents with more than 32 leaves. */
export interface LeafStatistics {
  readonly count: number;
  /** Those with the most leaves, the worst first. */
  readonly worst: readonly LeafCount[];
}

/** Checks the number of leaves of each document. It reads the revisions of the whole registry page by page, without the bodies. */
export async function checkLeaves({ upstream, config }: DoctorContext): Promise<Finding[]> {
  return [evaluateLeaves(await readLeafStatistics(upstream, config.registry))];
}

/** Reads the number of leaves of all documents, of one page at a time. */
export async function readLeafStatistics(
  { couch }: Pick<Upstream, 'couch'>,
  registry: string,
  pageSize?: number,
): Promise<LeafStatistics> {
  let statistics: LeafStatistics = { count: 0, worst: [] };
  for await (const page of readLeafCounts(couch, registry, pageSize)) statistics = addLeafCounts(statistics, page);
  return statistics;
}

function addLeafCounts({ count, worst }: LeafStatistics, page: readonly LeafCount[]): LeafStatistics {
  const many = page.filter(({ leaves }) => leaves > MAX_LEAVES);
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
