import { badRequest, HttpError } from '../../http/errors.ts';
import type { EngineDatabase } from './database.ts';
import { isMissing, readDocument, readRevisions, readSequence, type ChangeRow, type Json } from './pouchdb.ts';
import { parseCount, readFlag, parseJson } from './request.ts';

type Query = ReadonlyMap<string, string>;

export interface ChangesOptions {
  readonly since: number | 'now';
  readonly limit: number | undefined;
  readonly allLeaves: boolean;
  readonly includeDocs: boolean;
  readonly conflicts: boolean;
  readonly descending: boolean;
  /** The ids of `filter=_doc_ids`, each looked up separately. */
  readonly docIds: readonly string[] | undefined;
  /** A filter function in a design document, `<design>/<name>`, and the query that it gets. */
  readonly filter: { readonly name: string; readonly query: Json } | undefined;
}

/** Parses the query and body of a `_changes` request. Throws 400 when they are malformed. */
export function parseChanges(query: Query, body: Json): ChangesOptions {
  const filter = query.get('filter');
  const limit = parseCount(query, 'limit');
  return {
    since: parseSince(query.get('since') ?? '0'),
    limit: limit === 0 ? 1 : limit,
    allLeaves: query.get('style') === 'all_docs',
    includeDocs: readFlag(query, 'include_docs'),
    conflicts: readFlag(query, 'conflicts'),
    descending: readFlag(query, 'descending'),
    docIds:
      filter === '_doc_ids' ? parseDocIds(body['doc_ids'] ?? parseJson(query.get('doc_ids') ?? 'null')) : undefined,
    filter: filter === undefined || filter === '_doc_ids' ? undefined : parseFilter(filter, query),
  };
}

function parseDocIds(ids: unknown): string[] {
  if (!Array.isArray(ids) || !ids.every((id) => typeof id === 'string')) {
    throw badRequest('`doc_ids` filter parameter is not a list of strings.');
  }
  return [...new Set(ids)];
}

function parseFilter(name: string, query: Query): { name: string; query: Json } {
  if (!/^[^_/][^/]*\/[^/]+$/.test(name)) throw badRequest('filter must be _doc_ids or `designname/filtername`.');
  return { name, query: Object.fromEntries(query) };
}

/** CouchDB's sequences are strings with a leading number. The engine's are, too, so that no caller calculates with them. */
export const formatSequence = (sequence: number): string => `${sequence}-embedded`;

function parseSince(since: string): number | 'now' {
  if (since === 'now') return since;
  const match = /^"?(\d{1,15})(?:-[A-Za-z0-9_-]*)?"?$/.exec(since);
  if (match === null) throw badRequest("Malformed sequence supplied in 'since' parameter.");
  return Number(match[1]);
}

export interface Changes {
  readonly rows: readonly ChangeRow[];
  readonly lastSequence: number;
}

/** Returns the changes after `since`: each document once, at its last change. */
export async function readChanges(database: EngineDatabase, options: ChangesOptions, since: number): Promise<Changes> {
  return options.docIds === undefined
    ? await scanChanges(database, options, since)
    : await lookUpChanges(database, options, options.docIds, since);
}

async function scanChanges({ pouch }: EngineDatabase, options: ChangesOptions, since: number): Promise<Changes> {
  const { limit, filter } = options;
  try {
    const { results, last_seq } = await pouch.changes({
      since,
      style: options.allLeaves ? 'all_docs' : 'main_only',
      include_docs: options.includeDocs,
      conflicts: options.conflicts,
      descending: options.descending,
      ...(limit === undefined ? {} : { limit }),
      ...(filter === undefined ? {} : { filter: filter.name, query_params: filter.query }),
    });
    return { rows: await Promise.all(results.map((row) => sortWinnerFirst(pouch, row))), lastSequence: last_seq };
  } catch (error) {
    if (isMissing(error)) throw new HttpError(404, 'not_found', 'missing filter function or design document');
    throw error;
  }
}

/** PouchDB lists leaves by generation. CouchDB lists the winner first, and readers of the row rely on it. */
async function sortWinnerFirst(pouch: EngineDatabase['pouch'], row: ChangeRow): Promise<ChangeRow> {
  if (row.changes.length < 2) return row;
  const { leaves } = await readRevisions(pouch, row.id);
  const order = new Map(leaves.map(({ rev }, index) => [rev, index]));
  const rank = ({ rev }: { rev: string }): number => order.get(rev) ?? leaves.length;
  return { ...row, changes: [...row.changes].sort((a, b) => rank(a) - rank(b)) };
}

async function lookUpChanges(
  { pouch }: EngineDatabase,
  options: ChangesOptions,
  docIds: readonly string[],
  since: number,
): Promise<Changes> {
  // Read before the leaves, so that a concurrent write is reported twice rather than never.
  const lastSequence = Number((await pouch.info()).update_seq);
  const rows = await Promise.all(
    docIds.map(async (id): Promise<ChangeRow[]> => {
      const { leaves } = await readRevisions(pouch, id);
      const [winner] = leaves;
      if (winner === undefined) return [];
      const seq = await readSequence(pouch, id, winner.rev);
      if (seq <= since) return [];
      const listedLeaves = options.allLeaves ? leaves : [winner];
      const others = leaves.filter((leaf) => leaf !== winner && !leaf.deleted).map((leaf) => leaf.rev);
      const doc = options.includeDocs ? await readDocument(pouch, id, winner.rev) : undefined;
      const withConflicts = options.conflicts && others.length > 0 ? { ...doc, _conflicts: others } : doc;
      return [
        {
          id,
          seq,
          changes: listedLeaves.map(({ rev }) => ({ rev })),
          ...(winner.deleted ? { deleted: true } : {}),
          ...(doc === undefined ? {} : { doc: withConflicts }),
        } as ChangeRow,
      ];
    }),
  );
  const sorted = rows.flat().sort((a, b) => (options.descending ? b.seq - a.seq : a.seq - b.seq));
  const page = sorted.slice(0, options.limit);
  return { rows: page, lastSequence: page.length < sorted.length ? (page.at(-1)?.seq ?? since) : lastSequence };
}
