import type { ServerScope } from 'nano';
import { z } from 'zod';
import { parseStoredUsername, type UserDocumentId } from '../../../couchdb-design/user-document/user-document.ts';
import { badGateway } from '../../http/errors.ts';
import { toUpstreamError } from '../../upstream/upstream-error.ts';
import type { Deployment } from '../users/deployment.ts';
import { inspectLeaf, type DocumentProblemKind } from './inspect-document.ts';
import { readPages } from './read-pages.ts';
import { KEPT_DELETED_LEAVES, repairDocument, type RepairReport } from './repair-document.ts';

/** What a repair changes, or names as beyond repair. */
const REPAIRED: readonly DocumentProblemKind[] = ['unreadable', 'secret', 'malformed', 'older', 'too-large'];

/** Repairs every document that the doctor reports, and yields what was done to each. */
export async function* repairAll(deployment: Deployment, dryRun: boolean): AsyncGenerator<RepairReport> {
  const { upstream, registry, idPrefix, rules, kind, admin } = deployment;
  const isUserDocument = (id: string): boolean =>
    id.startsWith(idPrefix) && parseStoredUsername(id.slice(idPrefix.length)) !== undefined;
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
  for await (const { id, leaves } of readLeafCounts(upstream.couch, registry))
    if (leaves > KEPT_DELETED_LEAVES + 1 && isUserDocument(id) && !repaired.has(id)) yield await repair(id);
}

const PAGE_SIZE = 1_000;
const changesSchema = z.object({
  results: z.array(z.object({ id: z.string(), changes: z.array(z.unknown()), deleted: z.boolean().optional() })),
  last_seq: z.union([z.string(), z.number()]),
});

/** Reads the number of leaves of every document that is not deleted, deleted leaves included. */
async function* readLeafCounts(
  couch: ServerScope,
  db: string,
): AsyncGenerator<{ readonly id: string; readonly leaves: number }> {
  let since: string | number = 0;
  for (;;) {
    const qs = { style: 'all_docs', since, limit: PAGE_SIZE };
    const response: unknown = await couch.request({ db, path: '_changes', qs }).catch((error: unknown) => {
      throw toUpstreamError(error);
    });
    const page = changesSchema.safeParse(response).data;
    if (page === undefined) throw badGateway("The database's response about changes is malformed.");
    for (const { id, changes, deleted } of page.results) if (deleted !== true) yield { id, leaves: changes.length };
    since = page.last_seq;
    if (page.results.length < PAGE_SIZE) return;
  }
}
