import { badGateway, badRequest, tooLarge } from '../../http/errors.ts';
import { isObject, getProperty, getString, type JsonObject } from '../../lib/json.ts';
import type { Verdict } from './write-policy.ts';
import type { Refusal } from './parse-row.ts';

/** `POST _bulk_docs`: rows to store. https://docs.couchdb.org/en/stable/api/database/bulk-api.html#db-bulk-docs */
export interface BulkDocsRequest {
  readonly rows: readonly unknown[];
  /** False for replication: the rows are revisions that exist elsewhere. */
  readonly newEdits: boolean;
}

/** A row of one character is answered by sixty: without a bound, a body of 8 MiB by 256. PouchDB sends 100 at a time. */
const MAX_BATCH_ROWS = 10_000;

/** Throws 400 for a body that is no batch at all, 413 for a boundless one; what is wrong with a row is the row's answer. */
export function parseBulkDocs(body: unknown): BulkDocsRequest {
  const rows = getProperty(body, 'docs');
  if (!Array.isArray(rows)) throw badRequest('POST body must include `docs` parameter.');
  if (rows.length > MAX_BATCH_ROWS) throw tooLarge(`A batch has at most ${MAX_BATCH_ROWS} rows.`);
  return { rows, newEdits: getProperty(body, 'new_edits') !== false };
}

/**
 * A refused row. The name must be `forbidden`: PouchDB then gives the revision up and says `denied`; at any other it
 * would send it again for ever.
 */
export const refusedRow = ({ id, rev, reason, isConflict }: Refusal): JsonObject => ({
  ...(id === undefined ? {} : { id }),
  ...(rev === undefined ? {} : { rev }),
  error: isConflict ? 'conflict' : 'forbidden',
  reason,
});

/**
 * One answer out of the gate's verdicts and what the upstream said of the rows that were sent (undefined: none were).
 * With `new_edits:false` CouchDB answers the refused rows only; otherwise each row, in order.
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
    throw badGateway("The database's answer has another number of rows.");
  const remaining = upstreamRows.values();
  return verdicts.map((verdict) => (verdict.kind === 'refusal' ? refusedRow(verdict) : (remaining.next().value ?? {})));
}

const KNOWN_ROW_ERRORS = ['conflict', 'forbidden', 'unauthorized'];

/** Holds the upstream's rows against what CouchDB answers. A failure that may pass is no row: the client tries again. */
function parseUpstreamRows(answer: unknown): readonly JsonObject[] {
  if (!Array.isArray(answer)) throw badGateway("The database's answer was not a list of rows.");
  return answer.map((row: unknown) => {
    const [id, rev, error] = [getString(row, 'id'), getString(row, 'rev'), getString(row, 'error')];
    if (!isObject(row) || id === undefined) throw badGateway("The database's answer held a row that cannot be read.");
    if (error === undefined) return { ok: true, id, rev };
    if (!KNOWN_ROW_ERRORS.includes(error)) throw badGateway(`The database could not store a row (${error}).`);
    if (error === 'conflict') return { id, error, reason: 'Document update conflict.' };
    return refusedRow({ kind: 'refusal', id, rev, reason: getString(row, 'reason') ?? 'The database refused it.' });
  });
}
