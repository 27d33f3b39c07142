/**
 * Whether an answer is one that the protocol has. PouchDB takes what it gets: from a login page, an empty object or rows
 * about something else it concludes that there is nothing to do, or asks in circles. Only the feed is read closely; what is
 * wrong in other answers PouchDB fails at, or what is here never becomes what the feed tells: see attempt.ts. The shapes are
 * CouchDB's: https://docs.couchdb.org/en/stable/replication/protocol.html
 */
/** What an answer is hoped to be. */
export interface Answer {
  readonly results: readonly Row[];
  readonly last_seq: string | number;
  readonly error: unknown;
}

interface Row {
  readonly id: string;
  readonly seq: string | number;
  readonly changes: readonly { readonly rev: string }[];
}

/** Undefined for what is no JSON, or no object. */
export const parseAnswer = (text: string): Partial<Answer> | undefined => {
  try {
    return Object(JSON.parse(text)) as Partial<Answer>;
  } catch {
    return undefined;
  }
};

/** `endpoint`: the last part of the URL's path. */
export const isAnswer = (
  endpoint: string,
  { ok, status }: Pick<Response, 'ok' | 'status'>,
  answer: Partial<Answer> | undefined,
  id: string,
): answer is Answer => {
  if (!ok) {
    // PouchDB asks for the document itself where there is no `_bulk_get`; and it is the repair that writes it, and is told why not.
    return endpoint === '_bulk_get' || (endpoint[0] !== '_' && status < 429 && answer?.error !== undefined);
  }
  if (endpoint !== '_changes') return answer !== undefined;
  const { results, last_seq } = answer ?? {};
  return (
    Array.isArray(results) &&
    (results as Answer['results']).every((row) => row.id === id && Array.isArray(row.changes)) &&
    last_seq !== undefined
  );
};

/**
 * Whether an answer to `_changes` leaves PouchDB where it was, which asks again at once then: rows that lead to where it
 * asked from, or none at all although it was to be held back until there are some.
 */
export const isCircle = ({ results, last_seq }: Answer, since: string | null, wasHeld: boolean): boolean => {
  const last = results.at(-1);
  return last ? [last_seq, last.seq].some((seq) => String(seq) === since) : !wasHeld;
};
