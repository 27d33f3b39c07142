import type { ServerScope } from 'nano';
import { z } from 'zod';
import { badGateway } from '../http/errors.ts';
import { toUpstreamError } from './upstream-error.ts';

/** A document with the id and revision that an update needs. */
export type StoredDocument = Readonly<Record<string, unknown>> & { readonly _id: string; readonly _rev: string };

const documentSchema = z.looseObject({ _id: z.string(), _rev: z.string() });
const rowSchema = z.object({
  key: z.string(),
  error: z.string().optional(),
  value: z.object({ rev: z.string(), deleted: z.boolean().optional() }).nullish(),
  doc: documentSchema.nullish(),
});
const responseSchema = z.object({ rows: z.array(rowSchema) });

/** In ms. A read that hangs must not delay others for long after the upstream has recovered. */
const READ_TIMEOUT_MS = 5_000;

/**
 * Reads documents by id in one request. A document that does not exist, or was deleted, is not in the map. It does not
 * use GET: its 404 does not distinguish a missing document from a missing database, which would sign out every user.
 * Rejects with an HttpError of status 502 or 503.
 */
export async function readDocuments(
  couch: ServerScope,
  database: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, StoredDocument>> {
  const rows = await readRows(couch, database, ids);
  return new Map(rows.flatMap(({ key, doc }) => (doc?._id === key ? [[key, doc] as const] : [])));
}

const foundSchema = z.object({ ok: z.object({ _id: z.string() }) });
const missingSchema = z.object({ error: z.object({ error: z.literal('not_found') }) });
const leavesSchema = z.object({
  results: z.tuple([z.object({ id: z.string(), docs: z.array(z.union([foundSchema, missingSchema])).min(1) })]),
});

/**
 * Returns whether a document exists or ever existed; a deleted one counts. It uses `_bulk_get`: `_users/_all_docs` needs a
 * server admin, and the 404 of a GET could mean a missing database. Rejects with an HttpError of status 502 or 503.
 */
export async function hasEverExisted(couch: ServerScope, database: string, id: string): Promise<boolean> {
  const request = {
    db: database,
    path: '_bulk_get',
    method: 'post',
    body: { docs: [{ id }] },
    signal: AbortSignal.timeout(READ_TIMEOUT_MS),
  } as const;
  const response: unknown = await couch.request(request).catch((error: unknown) => {
    throw toUpstreamError(error);
  });
  const [result] = leavesSchema.safeParse(response).data?.results ?? [];
  if (result?.id !== id) throw badGateway("The database's response about a document is malformed.");
  return result.docs.some((leaf) => 'ok' in leaf);
}

async function readRows(
  couch: ServerScope,
  database: string,
  ids: readonly string[],
): Promise<z.output<typeof rowSchema>[]> {
  const request = {
    db: database,
    path: '_all_docs',
    method: 'post',
    qs: { include_docs: 'true' },
    body: { keys: [...ids] },
    signal: AbortSignal.timeout(READ_TIMEOUT_MS),
  } as const;
  const response: unknown = await couch.request(request).catch((error: unknown) => {
    throw toUpstreamError(error);
  });
  const rows = responseSchema.safeParse(response).data?.rows ?? [];
  const isComplete = rows.length === ids.length && rows.every((row, index) => row.key === ids[index]);
  // A failed row does not mean a missing document.
  const hasFailedRow = rows.some((row) => row.error !== undefined && row.error !== 'not_found');
  if (!isComplete || hasFailedRow) throw badGateway("The database's response about documents is malformed.");
  return rows;
}
