import type { ServerScope } from 'nano';
import { z } from 'zod';
import { badGateway } from '../http/errors.ts';
import { toUpstreamError } from './upstream-error.ts';

/** A leaf as it is stored, with CouchDB's members. */
export type StoredRevision = Readonly<Record<string, unknown>> & { readonly _id: string; readonly _rev: string };

/** One revision of a document, or without `rev` all of its leaves. */
export interface RevisionRequest {
  readonly id: string;
  readonly rev?: string;
}

const revisionSchema = z.looseObject({ _id: z.string(), _rev: z.string() });
const foundSchema = z.object({ ok: revisionSchema });
const missingSchema = z.object({ error: z.object({ error: z.literal('not_found') }) });
const resultsSchema = z.object({
  results: z.array(z.object({ id: z.string(), docs: z.array(z.union([foundSchema, missingSchema])) })),
});

/**
 * Reads revisions of many documents in one request, deleted leaves included. A document that never existed has an empty list.
 * It uses `_bulk_get`, because `_users/_all_docs` needs a server admin. Rejects with an HttpError of status 502 or 503.
 */
export async function readManyLeaves(
  couch: ServerScope,
  database: string,
  requests: readonly RevisionRequest[],
): Promise<ReadonlyMap<string, readonly StoredRevision[]>> {
  const leaves = new Map<string, StoredRevision[]>(requests.map(({ id }) => [id, []]));
  if (leaves.size === 0) return leaves;
  const request = { db: database, path: '_bulk_get', method: 'post', body: { docs: requests } } as const;
  const response: unknown = await couch.request(request).catch((error: unknown) => {
    throw toUpstreamError(error);
  });
  const { results = [] } = resultsSchema.safeParse(response).data ?? {};
  const isComplete = results.length === requests.length && results.every(({ id }, index) => requests[index]?.id === id);
  if (!isComplete) throw badGateway("The database's response about documents is malformed.");
  for (const { id, docs } of results) {
    for (const doc of docs) if ('ok' in doc && doc.ok._id === id) leaves.get(id)?.push(doc.ok);
  }
  return leaves;
}
