/**
 * What one request of the replication and its answer tell of what the server holds. PouchDB's own events do not say
 * which revisions were accepted or already there, so that is read from the wire, whose shapes are CouchDB's:
 * https://docs.couchdb.org/en/stable/replication/protocol.html
 */
export type Observation =
  /** The server has sent or accepted these documents (raw, with `_rev`). */
  | { readonly kind: 'holds'; readonly documents: readonly unknown[] }
  /** The server has these revisions, whose bodies are here. */
  | { readonly kind: 'has'; readonly revisions: readonly string[] }
  | { readonly kind: 'lacks'; readonly revisions: readonly string[] };

/** A request that was answered with success, both bodies parsed from JSON. */
export interface Exchange {
  /** The URL's path, without query. */
  readonly path: string;
  readonly request: unknown;
  readonly answer: unknown;
}

type Fields = Readonly<Record<string, unknown>>;

const fields = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const strings = (value: unknown): readonly string[] => list(value).filter((item) => typeof item === 'string');

const okOf = (row: unknown): readonly unknown[] => {
  const { ok } = fields(row);
  return ok === undefined ? [] : [ok];
};

/** `new_edits:false` answers rows for what it refused; a row without a revision speaks of every revision of its id. */
const accepted = (request: unknown, answer: unknown): readonly unknown[] => {
  const refused = list(answer)
    .map(fields)
    .filter(({ error }) => error !== undefined);
  return list(fields(request)['docs']).filter((document) => {
    const { _id, _rev } = fields(document);
    return !refused.some(({ id, rev }) => id === _id && (rev === undefined || rev === _rev));
  });
};

const compared = (request: unknown, answer: unknown): readonly Observation[] => {
  const asked = Object.entries(fields(request));
  const missing = asked.map(([id]) => strings(fields(fields(answer)[id])['missing']));
  const has = asked.flatMap(([, revisions], at) => strings(revisions).filter((rev) => !missing[at]?.includes(rev)));
  const lacks = missing.flat();
  return [
    ...(lacks.length > 0 ? [{ kind: 'lacks', revisions: lacks } as const] : []),
    ...(has.length > 0 ? [{ kind: 'has', revisions: has } as const] : []),
  ];
};

const holding = (documents: readonly unknown[]): readonly Observation[] =>
  documents.length > 0 ? [{ kind: 'holds', documents }] : [];

/** None when the exchange tells nothing of the kind. */
export const observe = ({ path, request, answer }: Exchange): readonly Observation[] => {
  switch (path.slice(path.lastIndexOf('/') + 1)) {
    case '_revs_diff':
      return compared(request, answer);
    case '_bulk_docs':
      return holding(accepted(request, answer));
    case '_bulk_get':
      return holding(
        list(fields(answer)['results'])
          .flatMap((result) => list(fields(result)['docs']))
          .flatMap(okOf),
      );
    default:
      // `GET <id>?open_revs=` is what PouchDB falls back to; its rows look like those of _bulk_get.
      return holding(list(answer).flatMap(okOf));
  }
};
