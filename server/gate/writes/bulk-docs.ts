import { badGateway, badRequest, tooLarge } from '../../http/errors.ts';
import { describeFailedResponse } from '../../http/upstream-failure.ts';
import { isObject, getProperty, getString, type JsonObject } from '../../lib/json.ts';
import type { Verdict } from './write-policy.ts';
import type { Refusal } from './parse-row.ts';

/** `POST _bulk_docs`: rows to store. https://docs.couchdb.org/en/stable/api/database/bulk-api.html#db-bulk-docs */
export interface BulkDocsRequest {
  readonly rows: readonly unknown[];
  /** False for replication: the rows are existing revisions of another replica. */
  readonly newEdits: boolean;
}

/** A row of one character is answered by 60, so a body of 8 MiB could yield 256 MiB. PouchDB sends 100 rows at a time. */
const MAX_BATCH_ROWS = 10_000;

/** Throws 400 for a body that is not a batch, 413 for too many rows. Invalid rows are refused separately, later. */
export function parseBulkDocs(body: unknown): BulkDocsRequest {
  const rows = getProperty(body, 'docs');
  if (!Array.isArray(rows)) throw badRequest('POST body must include `docs` parameter.');
  if (rows.length > MAX_BATCH_ROWS) throw tooLarge(`A batch has at most ${MAX_BATCH_ROWS} rows.`);
  return { rows, newEdits: getProperty(body, 'new_edits') !== false };
}

/**
 * Builds the response row of a refused row. The error is `forbidden`, except for duplicate edits (`new_edits: true`), which
 * are a `conflict`. A replicating PouchDB drops a forbidden revision and emits `denied`. With any other error it would retry
 * for ever.
 */
export const refusedRow = ({ id, rev, reason, isConflict }: Refusal): JsonObject => ({
  ...(id === undefined ? {} : { id }),
  ...(rev === undefined ? {} : { rev }),
  error: isConflict ? 'conflict' : 'forbidden',
  reason,
});

/**
 * Merges the gate's verdicts with the upstream's response to the rows that were sent (undefined if none were). With
 * `new_edits:false` CouchDB returns the refused rows only; otherwise every row, in order.
 */
export function bulkDocsResponse(
  verdicts: readonly Verdict[],
  newEdits: boolean,
  upstream: unknown,
): readonly JsonObject[] {
  const upstreamRows = upstream === undefined ? [] : parseUpstreamRows(upstream);
  const refused = verdicts.filter((verdict) => verdict.kind === 'refusal');
  if (!newEdits) return [...refused.map(refusedRow), ...upstreamRows.filter((row) => Object.hasOwn(row, 'error'))];
  if (upstreamRows.length !== verdicts.length - refused.length)
    throw badGateway('The database returned a wrong number of rows.');
  const remaining = upstreamRows.values();
  return verdicts.map((verdict) => (verdict.kind === 'refusal' ? refusedRow(verdict) : (remaining.next().value ?? {})));
}

const KNOWN_ROW_ERRORS = ['conflict', 'forbidden', 'unauthorized'];

/** Validates the upstream's rows. A transient failure throws 502 for the whole batch, so that the client retries. */
function parseUpstreamRows(response: unknown): readonly JsonObject[] {
  if (!Array.isArray(response)) throw badGateway('The database did not return a list of rows.');
  return response.map((row: unknown) => {
    const [id, rev, error] = [getString(row, 'id'), getString(row, 'rev'), getString(row, 'error')];
    if (!isObject(row) || id === undefined) throw badGateway('The database returned an invalid row.');
    if (error === undefined) return { ok: true, id, rev };
    if (!KNOWN_ROW_ERRORS.includes(error))
      throw badGateway(`The database could not store a row (${error}).`, describeFailedResponse(201, row));
    if (error === 'conflict') return { id, error, reason: 'Document update conflict.' };
    return refusedRow({
      kind: 'refusal',
      id,
      rev,
      reason: getString(row, 'reason') ?? 'The database refused the row.',
    });
  });
}
