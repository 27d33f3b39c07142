/**
 * Whether an answer is one that the protocol has. PouchDB takes what it gets: from a login page, an empty object or rows
 * about something else it concludes that there is nothing to do, or asks in circles. The shapes are CouchDB's:
 * https://docs.couchdb.org/en/stable/replication/protocol.html
 */
import { fields, list, type Fields } from './json.ts';

/**
 * The revisions that an answer to `_changes` shows. What the server says of a revision that is sent to it counts for
 * nothing: one empty `{}` of `_revs_diff` or `[]` of `_bulk_docs` from something in between, and an edit would be believed
 * to be there. It is there once the server's own feed shows it.
 */
export const revisionsIn = (answer: unknown): readonly string[] =>
  list(fields(answer)['results']).flatMap((row) =>
    list(fields(row)['changes']).map((leaf) => String(fields(leaf)['rev'])),
  );

/** A list of rows that are all so. */
const areAll = (rows: unknown, isSo: (row: Fields) => boolean): boolean =>
  Array.isArray(rows) && rows.every((row) => isSo(fields(row)));

/** Rows as `open_revs` gives them: at least one, each with the document, or with the reason why not. */
const areLeaves = (rows: unknown, id: string): boolean =>
  list(rows).length > 0 &&
  areAll(rows, ({ ok, error, missing }) =>
    ok === undefined ? (error ?? missing) !== undefined : fields(ok)['_id'] === id,
  );

/** `endpoint`: the last part of the URL's path. `ok`: the status is one of success. */
export const isAnswer = (endpoint: string, ok: boolean, answer: unknown, id: string): boolean => {
  const { results, last_seq, error } = fields(answer);
  // Of the document itself it is the repair that asks, and is told why not.
  if (!ok) return !endpoint.startsWith('_') && typeof error === 'string';
  switch (endpoint) {
    case '_changes':
      return (
        areAll(results, (row) => row['id'] === id && Array.isArray(row['changes'])) &&
        (typeof last_seq === 'string' || typeof last_seq === 'number')
      );
    case '_revs_diff':
    case '_bulk_docs':
      // What is wrong in it PouchDB fails at, or the server's feed never shows what was sent: see attempt.ts.
      return typeof answer === 'object';
    case '_bulk_get':
      return list(results).length > 0 && areAll(results, (row) => row['id'] === id && areLeaves(row['docs'], id));
    default:
      // Read by its leaves, or written.
      return areLeaves(answer, id) || fields(answer)['id'] === id;
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
