/**
 * Whether an answer is one that the protocol has. PouchDB takes what it gets: from a login page, an empty object or rows
 * about something else it concludes that there is nothing to do, or asks in circles. The shapes are CouchDB's:
 * https://docs.couchdb.org/en/stable/replication/protocol.html
 */
/** What an answer is hoped to be. Read as such, another one has nothing of it, or throws. */
export interface Answer {
  readonly results: readonly Row[];
  readonly last_seq: string | number;
  readonly id: string;
  readonly error: unknown;
}

interface Row {
  readonly id: string;
  readonly seq: string | number;
  readonly changes: readonly { readonly rev: string }[];
  readonly docs: readonly Leaf[];
}

interface Leaf {
  readonly ok?: { readonly _id: string };
  readonly error?: unknown;
  readonly missing?: unknown;
}

/** Undefined for what is no JSON. */
export const parseAnswer = (text: string): Partial<Answer> | null | undefined => {
  try {
    return JSON.parse(text) as Partial<Answer> | null;
  } catch {
    return undefined;
  }
};

/** What answers for a server, or stands in its way, without knowing of `_bulk_get`: PouchDB asks in another way then. */
const NO_BULK_GET: readonly number[] = [404, 405, 501];

/** Rows as `open_revs` gives them: at least one, each with the document, or with the reason why not. */
const areLeaves = (rows: readonly Leaf[], id: string): boolean =>
  rows.length > 0 && rows.every(({ ok, error, missing }) => (ok ? ok._id === id : (error ?? missing) !== undefined));

/** `endpoint`: the last part of the URL's path. */
export const isAnswer = (endpoint: string, { ok, status }: Response, answer: unknown, id: string): boolean => {
  if (endpoint === '_bulk_get' && NO_BULK_GET.includes(status)) return true;
  try {
    const { results, last_seq, error, ...written } = answer as Answer;
    switch (endpoint) {
      case '_changes':
        return (
          ok &&
          results.every((row) => row.id === id && Array.isArray(row.changes)) &&
          ['string', 'number'].includes(typeof last_seq)
        );
      case '_revs_diff':
      case '_bulk_docs':
        // What is wrong in it PouchDB fails at, or the server's feed never shows what was sent: see attempt.ts.
        return ok && typeof answer === 'object';
      case '_bulk_get':
        return ok && results.length > 0 && results.every((row) => row.id === id && areLeaves(row.docs, id));
      default:
        // The document itself. It is the repair that asks, and is told why not.
        if (!ok) return typeof error === 'string';
        return Array.isArray(answer) ? areLeaves(answer as Leaf[], id) : written.id === id;
    }
  } catch {
    return false;
  }
};

/**
 * Whether an answer to `_changes` leaves PouchDB where it was, which asks again at once then: rows that lead to where it
 * asked from, or none at all although it was to be held back until there are some.
 */
export const isCircle = ({ results, last_seq }: Answer, since: string | null, wasHeld: boolean): boolean => {
  const last = results.at(-1);
  return last ? [last_seq, last.seq].some((seq) => String(seq) === since) : !wasHeld;
};

/**
 * The revisions that an answer to `_changes` shows. What the server says of a revision that is sent to it counts for
 * nothing: one empty `{}` of `_revs_diff` or `[]` of `_bulk_docs` from something in between, and an edit would be believed
 * to be there. It is there once the server's own feed shows it.
 */
export const revisionsIn = ({ results }: Answer): readonly string[] =>
  results.flatMap(({ changes }) => changes.map(({ rev }) => rev));
