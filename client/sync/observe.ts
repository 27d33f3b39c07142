/**
 * What one answer to the replication tells of what the server holds, whose shapes are CouchDB's:
 * https://docs.couchdb.org/en/stable/replication/protocol.html
 * What it says of a revision that is sent to it counts for nothing: one empty `{}` of `_revs_diff` or `[]` of `_bulk_docs`
 * from something in between, and an edit would be believed to be there. It is there once the server's own feed shows it.
 */
import { fields, list, strings } from './json.ts';

export type Observation =
  /** The server has sent these documents (raw, with `_rev`). */
  | { readonly kind: 'holds'; readonly documents: readonly unknown[] }
  /** The server's feed shows these revisions. */
  | { readonly kind: 'has'; readonly revisions: readonly string[] }
  | { readonly kind: 'lacks'; readonly revisions: readonly string[] };

/** A request that was answered with success, both bodies parsed from JSON. */
export interface Exchange {
  /** The last part of the URL's path. */
  readonly endpoint: string;
  readonly request: unknown;
  readonly answer: unknown;
}

const okOf = (row: unknown): readonly unknown[] => {
  const { ok } = fields(row);
  return ok === undefined ? [] : [ok];
};

const telling = (kind: 'has' | 'lacks', revisions: readonly string[]): readonly Observation[] =>
  revisions.length > 0 ? [{ kind, revisions }] : [];

const holding = (documents: readonly unknown[]): readonly Observation[] =>
  documents.length > 0 ? [{ kind: 'holds', documents }] : [];

/** None when the exchange tells nothing of the kind. */
export const observe = ({ endpoint, answer }: Exchange): readonly Observation[] => {
  const results = list(fields(answer)['results']).map(fields);
  switch (endpoint) {
    case '_changes':
      return telling(
        'has',
        strings(results.flatMap(({ changes }) => list(changes).map((leaf) => fields(leaf)['rev']))),
      );
    case '_revs_diff':
      return telling(
        'lacks',
        Object.values(fields(answer)).flatMap((row) => strings(fields(row)['missing'])),
      );
    case '_bulk_docs':
      return [];
    case '_bulk_get':
      return holding(results.flatMap(({ docs }) => list(docs)).flatMap(okOf));
    default:
      // A document's leaves, whose rows look like those of _bulk_get.
      return holding(list(answer).flatMap(okOf));
  }
};
