import type { UserDocumentId } from '../../../couchdb-design/user-document/user-document.ts';
import type { Deployment } from '../deployment.ts';
import { inspectLeaf, isUserDocumentId, type DocumentProblemKind } from './inspect-document.ts';
import { readLeafCounts } from './read-leaf-counts.ts';
import { readPages } from './read-pages.ts';
import { KEPT_DELETED_LEAVES, repairDocument, type RepairReport } from './repair-document.ts';

/** What a repair changes, or names as beyond repair. */
const REPAIRED: readonly DocumentProblemKind[] = ['unreadable', 'secret', 'malformed', 'older', 'too-large'];

/** Repairs every document that the doctor reports, and yields what was done to each. */
export async function* repairAll(deployment: Deployment, dryRun: boolean): AsyncGenerator<RepairReport> {
  const { upstream, registry, idPrefix, rules, kind, admin } = deployment;
  const isUserDocument = (id: string): boolean => isUserDocumentId(id, idPrefix);
  const repaired = new Set<string>();
  const repair = async (id: string): Promise<RepairReport> => {
    repaired.add(id);
    return await repairDocument(deployment, id as UserDocumentId, dryRun);
  };
  for await (const page of readPages(upstream.couch, registry)) {
    for (const { id, live } of page) {
      if (!isUserDocument(id)) {
        const left = [
          'Its id is not that of a user document, so no interface serves it. Delete it if nothing else uses it.',
        ];
        yield { id, changes: [], merged: 0, purged: 0, removesSecret: false, left };
        continue;
      }
      const problems = live.flatMap(({ body }) => inspectLeaf(body, true, rules));
      if (live.length > 1 || problems.some((problem) => REPAIRED.includes(problem.kind))) yield await repair(id);
    }
  }
  if (kind !== 'couchdb' || admin === undefined) return;
  for await (const page of readLeafCounts(upstream.couch, registry))
    for (const { id, leaves } of page)
      if (leaves > KEPT_DELETED_LEAVES + 1 && isUserDocument(id) && !repaired.has(id)) yield await repair(id);
}
