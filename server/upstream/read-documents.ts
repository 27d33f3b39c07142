import type { ServerScope } from 'nano';
import { z } from 'zod';
import { badGateway } from '../http/errors.ts';
import { toUpstreamError } from './upstream-error.ts';

/** A document with what is needed to write it again. */
export type StoredDocument = Readonly<Record<string, unknown>> & { readonly _id: string; readonly _rev: string };

const documentSchema = z.looseObject({ _id: z.string(), _rev: z.string() });
const rowSchema = z.object({
  key: z.string(),
  error: z.string().optional(),
  value: z.object({ rev: z.string(), deleted: z.boolean().optional() }).nullish(),
  doc: documentSchema.nullish(),
});
const responseSchema = z.object({ rows: z.array(rowSchema) });

/** In ms. A read that hangs with the upstream must not hold up others for long once that is back. */
const READ_TIMEOUT_MS = 5_000;

/**
 * Reads documents by id in one request; one that does not exist, or was deleted, is not in the map. Not by GET, whose
 * 404 would not tell a missing document from a missing database, and that would read as "everybody signed out".
 * Rejects with 502 or 503.
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
 * Whether a document is there or ever was: a deleted one counts. By `_bulk_get`, since `_users/_all_docs` is for server
 * admins alone, and a GET's 404 could be the database's. Rejects with 502 or 503.
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
  if (result?.id !== id) throw badGateway("The database's answer about a document is not one.");
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
  // A row that failed is not a row that is missing.
  const hasFailedRow = rows.some((row) => row.error !== undefined && row.error !== 'not_found');
  if (!isComplete || hasFailedRow) throw badGateway("The database's answer about documents is not one.");
  return rows;
}
