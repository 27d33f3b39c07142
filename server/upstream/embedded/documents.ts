import { badRequest, HttpError, notFound } from '../../http/errors.ts';
import { readDocument, readLeaves, type Json, type LocalPouch } from './pouchdb.ts';
import { parseJson, readFlag } from './request.ts';
import { historyOf, leavesFrom, revisionsOf, type Leaf } from './revision-tree.ts';

type Query = ReadonlyMap<string, string>;

/** Implements `GET /db/id`: `rev`, `latest`, `revs`, `revs_info`, `conflicts`, `deleted_conflicts`, `open_revs`. */
export async function getDocument(pouch: LocalPouch, id: string, query: Query): Promise<Json | Json[]> {
  if (id.startsWith('_local/')) {
    const local = await readDocument(pouch, id);
    if (local === undefined) throw notFound();
    return local;
  }
  const leaves = await readLeaves(pouch, id);
  const openRevs = parseOpenRevs(query.get('open_revs'));
  if (openRevs !== undefined) return await readOpenRevisions(pouch, id, leaves, openRevs, query);

  const [winner] = leaves;
  if (winner === undefined) throw notFound();
  const requestedRev = query.get('rev');
  if (requestedRev === undefined && winner.deleted) throw new HttpError(404, 'not_found', 'deleted');
  const [rev] =
    requestedRev === undefined ? [winner.rev] : resolveRevision(leaves, requestedRev, readFlag(query, 'latest'));
  const body = rev === undefined ? undefined : await readRevision(pouch, id, leaves, rev, readFlag(query, 'revs'));
  if (rev === undefined || body === undefined) throw notFound();
  return {
    ...body,
    ...(readFlag(query, 'revs_info') ? { _revs_info: await revisionsInfo(pouch, id, leaves, rev) } : {}),
    ...(readFlag(query, 'conflicts') ? conflictMember('_conflicts', leaves, winner, false) : {}),
    ...(readFlag(query, 'deleted_conflicts') ? conflictMember('_deleted_conflicts', leaves, winner, true) : {}),
  };
}

/** Implements `POST /db/_bulk_get`: a result or an error for each row, in order. */
export async function bulkGet(pouch: LocalPouch, body: Json, query: Query): Promise<{ results: Json[] }> {
  const { docs } = body;
  if (!Array.isArray(docs)) throw badRequest("Missing JSON list of 'docs'.");
  return { results: await Promise.all(docs.map((row: unknown) => bulkGetRow(pouch, row, query))) };
}

async function bulkGetRow(pouch: LocalPouch, row: unknown, query: Query): Promise<Json> {
  const { id, rev } = (typeof row === 'object' && row !== null ? row : {}) as { id?: unknown; rev?: unknown };
  const errorRow = (error: string, reason: string): Json => ({
    id: id ?? null,
    docs: [{ error: { id: id ?? null, rev: rev ?? 'undefined', error, reason } }],
  });
  if (typeof id !== 'string') return errorRow('bad_request', 'document id missed');
  if (rev !== undefined && typeof rev !== 'string') return errorRow('bad_request', 'Invalid rev format');

  const leaves = await readLeaves(pouch, id);
  const revs =
    rev === undefined ? leaves.map((leaf) => leaf.rev) : resolveRevision(leaves, rev, readFlag(query, 'latest'));
  const found = await Promise.all(revs.map((each) => readRevision(pouch, id, leaves, each, readFlag(query, 'revs'))));
  const docs = found.flatMap((ok) => (ok === undefined ? [] : [{ ok }]));
  return docs.length === 0 ? errorRow('not_found', 'missing') : { id, docs };
}

/** CouchDB treats an empty list like a missing `open_revs`. */
function parseOpenRevs(text: string | undefined): 'all' | readonly string[] | undefined {
  if (text === undefined || text === 'all') return text;
  const revisions = parseJson(text);
  if (!Array.isArray(revisions) || !revisions.every((rev) => typeof rev === 'string')) {
    throw badRequest('open_revs must be "all" or a JSON list of revisions.');
  }
  return revisions.length === 0 ? undefined : revisions;
}

async function readOpenRevisions(
  pouch: LocalPouch,
  id: string,
  leaves: readonly Leaf[],
  requested: 'all' | readonly string[],
  query: Query,
): Promise<Json[]> {
  if (requested === 'all' && leaves.length === 0) throw notFound();
  const revisions = requested === 'all' ? leaves.map((leaf) => leaf.rev) : requested;
  const resolved = revisions.flatMap((rev: string) => {
    const revs = resolveRevision(leaves, rev, readFlag(query, 'latest'));
    return revs.length === 0 ? [rev] : revs;
  });
  return await Promise.all(
    [...new Set(resolved)].map(async (rev) => {
      const ok = await readRevision(pouch, id, leaves, rev, readFlag(query, 'revs'));
      return ok === undefined ? { missing: rev } : { ok };
    }),
  );
}

/** Returns the revisions that `rev` selects: itself, or with `latest` every leaf that descends from it. */
function resolveRevision(leaves: readonly Leaf[], rev: string, latest: boolean): string[] {
  if (latest) return leavesFrom(leaves, rev).map((leaf) => leaf.rev);
  return revisionsOf(leaves).has(rev) ? [rev] : [];
}

async function readRevision(
  pouch: LocalPouch,
  id: string,
  leaves: readonly Leaf[],
  rev: string,
  withHistory: boolean,
): Promise<Json | undefined> {
  if (!revisionsOf(leaves).has(rev)) return undefined;
  const body = await readDocument(pouch, id, rev);
  return body !== undefined && withHistory ? { ...body, _revisions: historyOf(leaves, rev) } : body;
}

async function revisionsInfo(pouch: LocalPouch, id: string, leaves: readonly Leaf[], rev: string): Promise<Json[]> {
  const history = historyOf(leaves, rev);
  return await Promise.all(
    (history?.ids ?? []).map(async (part, depth) => {
      const ancestor = `${(history?.start ?? 0) - depth}-${part}`;
      const body = await readDocument(pouch, id, ancestor);
      const status = body === undefined ? 'missing' : body['_deleted'] === true ? 'deleted' : 'available';
      return { rev: ancestor, status };
    }),
  );
}

function conflictMember(name: string, leaves: readonly Leaf[], winner: Leaf, deleted: boolean): Json {
  const revs = leaves.filter((leaf) => leaf !== winner && leaf.deleted === deleted).map((leaf) => leaf.rev);
  return revs.length === 0 ? {} : { [name]: revs };
}

/** Implements `POST /db/_revs_diff`: the missing revisions of each document. */
export async function revsDiff(pouch: LocalPouch, body: Json): Promise<Json> {
  const entries = await Promise.all(
    Object.entries(body).map(async ([id, revs]) => {
      if (!Array.isArray(revs) || !revs.every((rev) => typeof rev === 'string')) {
        throw badRequest('_revs_diff takes a list of revisions for each document.');
      }
      const leaves = await readLeaves(pouch, id);
      const known = revisionsOf(leaves);
      const unknown = revs.filter((rev: string) => !known.has(rev));
      if (unknown.length === 0) return [];
      const highest = Math.max(...unknown.map((rev: string) => Number.parseInt(rev, 10)));
      const ancestors = leaves.filter((leaf) => leaf.generation < highest).map((leaf) => leaf.rev);
      return [
        [id, { missing: unknown, ...(ancestors.length === 0 ? {} : { possible_ancestors: ancestors }) }] as const,
      ];
    }),
  );
  return Object.fromEntries(entries.flat());
}
