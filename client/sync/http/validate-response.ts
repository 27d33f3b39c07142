/**
 * Whether an answer is one that the protocol has. PouchDB takes what it gets: from a login page, an empty object or rows
 * about something else it concludes that there is nothing to do, or asks in circles. Only the feed is read closely; what is
 * wrong in other answers PouchDB fails at, or what is here never becomes what the feed tells: see attempt.ts. The shapes are
 * CouchDB's: https://docs.couchdb.org/en/stable/replication/protocol.html
 */
/** What an answer is hoped to be. */
export interface ReplicationResponseBody {
  readonly results: readonly ChangesRow[];
  readonly last_seq: string | number;
  readonly error: unknown;
}

interface ChangesRow {
  readonly id: string;
  readonly seq: string | number;
  readonly changes: readonly { readonly rev: string }[];
}

/** Undefined for what is no JSON, or no object. */
export const parseResponseBody = (text: string): Partial<ReplicationResponseBody> | undefined => {
  try {
    return Object(JSON.parse(text)) as Partial<ReplicationResponseBody>;
  } catch {
    return undefined;
  }
};

/** `endpoint`: the last part of the URL's path. */
export const isValidResponse = (
  endpoint: string,
  { ok, status }: Pick<Response, 'ok' | 'status'>,
  body: Partial<ReplicationResponseBody> | undefined,
  id: string,
): body is ReplicationResponseBody => {
  if (!ok) {
    // PouchDB asks for the document itself where there is no `_bulk_get`; and it is the repair that writes it, and is told why not.
    return endpoint === '_bulk_get' || (endpoint[0] !== '_' && status < 429 && body?.error !== undefined);
  }
  if (endpoint !== '_changes') return body !== undefined;
  const { results, last_seq } = body ?? {};
  return (
    Array.isArray(results) &&
    (results as ReplicationResponseBody['results']).every((row) => row.id === id && Array.isArray(row.changes)) &&
    last_seq !== undefined
  );
};

/**
 * Whether an answer to `_changes` leaves PouchDB where it was, which asks again at once then: rows that lead to where it
 * asked from, or none at all although it was to be held back until there are some.
 */
export const makesNoProgress = (
  { results, last_seq }: ReplicationResponseBody,
  since: string | null,
  wasHeldOpen: boolean,
): boolean => {
  const lastRow = results.at(-1);
  return lastRow ? [last_seq, lastRow.seq].some((seq) => String(seq) === since) : !wasHeldOpen;
};
