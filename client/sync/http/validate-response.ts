/**
 * Validates the server's responses. PouchDB accepts any body: from a login page, an empty object or rows of another document
 * it concludes that nothing is left to do, or it requests in a loop. Only `_changes` is validated closely. PouchDB itself
 * fails at other invalid bodies, or the local leaves never equal those of the feed (see sync-run.ts). The shapes are
 * CouchDB's: https://docs.couchdb.org/en/stable/replication/protocol.html
 */

/** The members of a response body that are used. */
export interface ReplicationResponseBody {
  readonly results: readonly ChangesRow[];
  readonly last_seq: string | number;
  readonly error: unknown;
  readonly reason: unknown;
  /** Why a 401 rejects the token. */
  readonly code: unknown;
}

/** A row of `_changes`, before it is validated. */
type UncheckedRow = { readonly id?: unknown; readonly changes?: unknown } | null;

const isRowOf = (row: UncheckedRow, id: string): boolean =>
  row?.id === id &&
  Array.isArray(row.changes) &&
  (row.changes as readonly ({ readonly rev?: unknown } | null)[]).every((change) => typeof change?.rev === 'string');

interface ChangesRow {
  readonly id: string;
  readonly seq: string | number;
  readonly changes: readonly { readonly rev: string }[];
}

/** Returns undefined when the text is not JSON. */
export const parseResponseBody = (text: string): Partial<ReplicationResponseBody> | undefined => {
  try {
    return Object(JSON.parse(text)) as Partial<ReplicationResponseBody>;
  } catch {
    return undefined;
  }
};

/** Whether a request is one for the document itself. */
export const isDocumentEndpoint = (endpoint: string): boolean => !endpoint.startsWith('_');

/** Whether a failed request is passed on to its caller, instead of ending the run. */
const isExpectedFailure = (
  endpoint: string,
  status: number,
  body: Partial<ReplicationResponseBody> | undefined,
  method: string | undefined,
): boolean => {
  // PouchDB reads the document itself when the server has no `_bulk_get`.
  if (endpoint === '_bulk_get') return true;
  // Only the repair requests the document, and it handles the rejection of a write by discarding the edit. The gate rejects no
  // read, so a rejected one is a firewall's or a captive portal's. A missing document is not the user's own.
  return (
    isDocumentEndpoint(endpoint) && method === 'PUT' && status < 429 && status !== 404 && body?.error !== undefined
  );
};

/** Whether a body is one of `_changes` with rows of the document `id` alone. */
const isChangesBody = (body: Partial<ReplicationResponseBody> | undefined, id: string): boolean => {
  const { results, last_seq } = body ?? {};
  return (
    Array.isArray(results) &&
    (results as readonly UncheckedRow[]).every((row) => isRowOf(row, id)) &&
    last_seq !== undefined
  );
};

/**
 * Whether a response is one of the replication protocol. `endpoint` is the last segment of the URL's path, `method` that of the
 * request; undefined for GET.
 */
export const isValidResponse = (
  endpoint: string,
  { ok, status }: Pick<Response, 'ok' | 'status'>,
  body: Partial<ReplicationResponseBody> | undefined,
  id: string,
  method?: string,
): body is ReplicationResponseBody => {
  if (!ok) return isExpectedFailure(endpoint, status, body, method);
  return endpoint === '_changes' ? isChangesBody(body, id) : body !== undefined;
};

/**
 * Whether a response to `_changes` returns PouchDB to the `since` it sent, so that PouchDB would repeat the request at once:
 * rows that end at `since`, or no rows although the longpoll was not held open.
 */
export const makesNoProgress = (
  { results, last_seq }: ReplicationResponseBody,
  since: string | null,
  wasHeldOpen: boolean,
): boolean => {
  const lastRow = results.at(-1);
  if (!lastRow) return !wasHeldOpen;
  return String(last_seq) === since || String(lastRow.seq) === since;
};
