import type { ServerScope } from 'nano';
import { z } from 'zod';
import { badGateway } from '../../http/errors.ts';
import { toUpstreamError } from '../../upstream/upstream-error.ts';

/** A document and its number of leaves, deleted ones included. */
export interface LeafCount {
  readonly id: string;
  readonly leaves: number;
}

/** Documents per request: some 300 kB of JSON. */
const PAGE_SIZE = 2_000;

const changesSchema = z.object({
  results: z.array(z.object({ id: z.string(), changes: z.array(z.unknown()), deleted: z.boolean().optional() })),
  last_seq: z.union([z.string(), z.number()]),
});

/**
 * Reads the number of leaves of every document that is not deleted, a page per request, without the bodies. A document that changes
 * meanwhile may be read twice.
 */
export async function* readLeafCounts(
  couch: ServerScope,
  db: string,
  pageSize: number = PAGE_SIZE,
): AsyncGenerator<readonly LeafCount[]> {
  let since: string | number = 0;
  for (;;) {
    const qs = { style: 'all_docs', since, limit: pageSize };
    const response: unknown = await couch.request({ db, path: '_changes', qs }).catch((error: unknown) => {
      throw toUpstreamError(error);
    });
    const page = changesSchema.safeParse(response).data;
    if (page === undefined) throw badGateway("The database's response about changes is malformed.");
    yield page.results.flatMap(({ id, changes, deleted }) =>
      deleted === true ? [] : [{ id, leaves: changes.length }],
    );
    since = page.last_seq;
    if (page.results.length < pageSize) return;
  }
}
