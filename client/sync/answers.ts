/**
 * Whether an answer is one that the protocol has. PouchDB takes what it gets: from a login page, an empty object or rows
 * about something else it concludes that there is nothing to do, or asks in circles. The shapes are CouchDB's:
 * https://docs.couchdb.org/en/stable/replication/protocol.html
 */
import { fields, list, strings } from './json.ts';

/** A request that was answered, both bodies parsed from JSON. */
export interface Exchange {
  /** The last part of the URL's path. */
  readonly endpoint: string;
  readonly request: unknown;
  readonly answer: unknown;
}

/**
 * The revisions that an answer to `_changes` shows. What the server says of a revision that is sent to it counts for
 * nothing: one empty `{}` of `_revs_diff` or `[]` of `_bulk_docs` from something in between, and an edit would be believed
 * to be there. It is there once the server's own feed shows it.
 */
export const revisionsIn = (answer: unknown): readonly string[] =>
  strings(
    list(fields(answer)['results']).flatMap((row) => list(fields(row)['changes']).map((leaf) => fields(leaf)['rev'])),
  );

/** A list of rows, all about this document. */
const isAbout = (rows: unknown, id: string): boolean =>
  Array.isArray(rows) && rows.every((row) => fields(row)['id'] === id);

/** Rows as `open_revs` gives them: at least one, each with the document, or with the reason why not. */
const areLeaves = (rows: unknown, id: string): boolean =>
  list(rows).length > 0 &&
  list(rows).every((row) => {
    const { ok, error, missing } = fields(row);
    return ok === undefined ? (error ?? missing) !== undefined : fields(ok)['_id'] === id;
  });

/** `ok`: the status is one of success. */
export const isAnswer = ({ endpoint, answer }: Exchange, ok: boolean, id: string): boolean => {
  const { results, last_seq, error } = fields(answer);
  switch (endpoint) {
    case '_changes':
      return (
        ok &&
        isAbout(results, id) &&
        list(results).every((row) => Array.isArray(fields(row)['changes'])) &&
        (typeof last_seq === 'string' || typeof last_seq === 'number')
      );
    case '_revs_diff':
    case '_bulk_docs':
      // What is wrong in it PouchDB fails at, or the server's feed never shows what was sent: see attempt.ts.
      return ok && typeof answer === 'object';
    case '_bulk_get':
      return (
        ok &&
        isAbout(results, id) &&
        list(results).length > 0 &&
        list(results).every((result) => areLeaves(fields(result)['docs'], id))
      );
    default:
      // The document itself: read by its leaves, or written.
      return ok ? areLeaves(answer, id) || fields(answer)['id'] === id : typeof error === 'string';
  }
};

/**
 * Whether an answer to `_changes` leaves PouchDB where it was, which asks again at once then: rows that lead to where it
 * asked from, or none at all although it was to be held back until there are some.
 */
export const isCircle = (answer: unknown, since: string | null, wasHeld: boolean): boolean => {
  const { results, last_seq } = fields(answer);
  const last = list(results).at(-1);
  return last === undefined ? !wasHeld : since === String(last_seq) || since === String(fields(last)['seq']);
};
