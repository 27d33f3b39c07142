import type { ServerScope } from 'nano';
import { z } from 'zod';
import { badGateway } from '../http/errors.ts';
import { toUpstreamError } from './upstream-error.ts';

/** The result for one document of a batch. */
export interface WrittenRow {
  readonly id: string;
  /** The new revision; undefined when the document was refused. */
  readonly rev: string | undefined;
  /** Whether less than a quorum of a cluster's replicas has stored it. */
  readonly accepted: boolean;
  /** CouchDB's error and reason, of a refused document. */
  readonly error: { readonly name: string; readonly reason: string } | undefined;
}

const rowSchema = z
  .object({
    id: z.string(),
    rev: z.string().optional(),
    accepted: z.boolean().optional(),
    error: z.string().optional(),
    reason: z.string().optional(),
  })
  .transform(({ id, rev, accepted = false, error, reason = '' }): WrittenRow => ({
    id,
    rev: error === undefined ? rev : undefined,
    accepted,
    error: error === undefined ? undefined : { name: error, reason },
  }));

/**
 * Writes many documents in one request, each with its revision or as a new one. Resolves with a row for each, in order. Rejects
 * with an HttpError of status 502 or 503.
 */
export async function writeRows(
  couch: ServerScope,
  database: string,
  documents: readonly { readonly _id: string }[],
): Promise<readonly WrittenRow[]> {
  if (documents.length === 0) return [];
  const response: unknown = await couch
    .use<object>(database)
    .bulk({ docs: [...documents] })
    .catch((error: unknown) => {
      throw toUpstreamError(error);
    });
  const rows = z.array(rowSchema).safeParse(response).data ?? [];
  const isComplete = rows.length === documents.length && rows.every(({ id }, index) => documents[index]?._id === id);
  if (!isComplete) throw badGateway("The database's response to a write is malformed.");
  return rows;
}
