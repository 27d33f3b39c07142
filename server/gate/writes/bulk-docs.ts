import { badGateway } from '../../http/errors.ts';
import { describeFailedResponse } from '../../http/upstream-failure.ts';
import { isObject, getProperty, getString, type JsonObject } from '../../lib/json.ts';
import { parseBytes } from '../request/body.ts';
import { UnreadRow, type EditRow, type Refusal } from './parse-row.ts';
import type { RowVerdict } from './row-verdict.ts';
import { readRowId, splitBatch, type RowText } from './split-batch.ts';

/** `POST _bulk_docs`: rows to store. https://docs.couchdb.org/en/stable/api/database/bulk-api.html#db-bulk-docs */
export interface BulkDocsRequest {
  /** Values, or refusals of rows that exceed a limit. An iteration may parse them, and throws 400 for one that is not JSON. */
  readonly rows: Iterable<unknown>;
  /** False for replication: the rows are existing revisions of another replica. */
  readonly newEdits: boolean;
}

/**
 * Parses a batch except for its rows. Throws 400 for a body that is not a batch, 413 for too many rows. Invalid rows are refused
 * separately, later.
 */
export function parseBulkDocs(bytes: Uint8Array): BulkDocsRequest {
  const { envelope, rows } = splitBatch(bytes);
  return { rows: readRows(bytes, rows), newEdits: getProperty(parseBytes(envelope), 'new_edits') !== false };
}

/** Parses each row on its own, so that a large batch does not block the event loop. */
function* readRows(bytes: Uint8Array, rows: readonly RowText[]): Generator {
  for (const row of rows) {
    if (row.excess === undefined) yield parseBytes(bytes.subarray(row.start, row.end));
    else yield new UnreadRow(readRowId(bytes, row), `The revision ${row.excess}.`);
  }
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

/** The rows in the response to edits (`new_edits:true`): every row, in order. `upstream` is the response to those that were sent. */
export function editsResponse(verdicts: readonly (EditRow | Refusal)[], upstream: unknown): readonly JsonObject[] {
  const upstreamRows = parseUpstreamRows(upstream);
  const sentCount = verdicts.filter((verdict) => verdict.kind === 'edit').length;
  if (upstreamRows.length !== sentCount) throw badGateway('The database returned a wrong number of rows.');
  const remaining = upstreamRows.values();
  return verdicts.map((verdict) => (verdict.kind === 'refusal' ? refusedRow(verdict) : (remaining.next().value ?? {})));
}

/**
 * The rows in the response to replicated revisions (`new_edits:false`): the refused ones only, as in CouchDB. If the database refuses
 * a revision of the gate's own, which is none of the rows', each merged row is refused.
 */
export function replicatedResponse(verdicts: readonly RowVerdict[], upstream: unknown): readonly JsonObject[] {
  const stored = new Set<unknown>(verdicts.map((verdict) => (verdict.kind === 'replicated' ? verdict.rev : undefined)));
  const merged = verdicts.filter((verdict) => verdict.kind === 'merged');
  const errors = parseUpstreamRows(upstream).filter((row) => Object.hasOwn(row, 'error'));
  const isOfMerge = ({ rev }: JsonObject): boolean => merged.length > 0 && (rev === undefined || !stored.has(rev));
  const [mergeError] = errors.filter(isOfMerge);
  return [
    ...verdicts.filter((verdict) => verdict.kind === 'refusal').map(refusedRow),
    ...errors.filter((row) => row['rev'] === undefined || !isOfMerge(row)),
    ...(mergeError === undefined ? [] : merged.map(({ id, rev }) => ({ ...mergeError, id, rev }))),
  ];
}

const KNOWN_ROW_ERRORS = ['conflict', 'forbidden', 'unauthorized'];

/** Validates the upstream's rows; without a request there are none. A transient failure throws 502 for the whole batch, so that the client retries. */
function parseUpstreamRows(response: unknown): readonly JsonObject[] {
  if (response === undefined) return [];
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
