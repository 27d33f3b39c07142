import { badRequest, HttpError, notFound } from '../../http/errors.ts';
import { readDocument, readRevisions, type Json, type LocalPouch } from './pouchdb.ts';
import { parseJson, readFlag } from './request.ts';
import { ancestry, historyOf, type StoredRevision, type StoredRevisions } from './revision-tree.ts';

type Query = ReadonlyMap<string, string>;

/** Implements `GET /db/id`: `rev`, `latest`, `revs`, `revs_info`, `conflicts`, `deleted_conflicts`, `open_revs`. */
export async function getDocument(pouch: LocalPouch, id: string, query: Query): Promise<Json | Json[]> {
  if (id.startsWith('_local/')) {
    const local = await readDocument(pouch, id);
    if (local === undefined) throw notFound();
    return local;
  }
  const revisions = await readRevisions(pouch, id);
  const openRevs = parseOpenRevs(query.get('open_revs'));
  if (openRevs !== undefined) return await readOpenRevisions(pouch, id, revisions, openRevs, query);

  const [winner] = revisions.leaves;
  if (winner === undefined) throw notFound();
  const requestedRev = query.get('rev');
  if (requestedRev === undefined && winner.deleted) throw new HttpError(404, 'not_found', 'deleted');
  const [revision] =
    requestedRev === undefined ? [winner] : resolveRevision(revisions, requestedRev, readFlag(query, 'latest'));
  const body = revision === undefined ? undefined : await readRevision(pouch, id, revision, readFlag(query, 'revs'));
  if (revision === undefined || body === undefined) throw notFound();
  const { leaves } = revisions;
  return {
    ...body,
    ...(readFlag(query, 'revs_info') ? { _revs_info: revisionsInfo(revision) } : {}),
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

  const revisions = await readRevisions(pouch, id);
  const selected = rev === undefined ? revisions.leaves : resolveRevision(revisions, rev, readFlag(query, 'latest'));
  const found = await Promise.all(selected.map((each) => readRevision(pouch, id, each, readFlag(query, 'revs'))));
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
  revisions: StoredRevisions,
  requested: 'all' | readonly string[],
  query: Query,
): Promise<Json[]> {
  const { leaves } = revisions;
  if (requested === 'all' && leaves.length === 0) throw notFound();
  const requestedRevs = requested === 'all' ? leaves.map(({ rev }) => rev) : requested;
  const resolved = requestedRevs.flatMap((rev) => {
    const selected = resolveRevision(revisions, rev, readFlag(query, 'latest')).map((revision) => revision.rev);
    return selected.length === 0 ? [rev] : selected;
  });
  return await Promise.all(
    [...new Set(resolved)].map(async (rev) => {
      const revision = revisions.get(rev);
      const ok = revision === undefined ? undefined : await readRevision(pouch, id, revision, readFlag(query, 'revs'));
      return ok === undefined ? { missing: rev } : { ok };
    }),
  );
}

/** Returns the revisions that `rev` selects: itself, or with `latest` every leaf that descends from it. */
function resolveRevision(revisions: StoredRevisions, rev: string, latest: boolean): readonly StoredRevision[] {
  if (latest) return revisions.leavesFrom(rev);
  const revision = revisions.get(rev);
  return revision === undefined ? [] : [revision];
}

async function readRevision(
  pouch: LocalPouch,
  id: string,
  revision: StoredRevision,
  withHistory: boolean,
): Promise<Json | undefined> {
  const body = await readDocument(pouch, id, revision.rev);
  return body !== undefined && withHistory ? { ...body, _revisions: historyOf(revision) } : body;
}

function revisionsInfo(revision: StoredRevision): Json[] {
  return Array.from(ancestry(revision), ({ rev, hasBody, deleted }) => {
    const status = deleted ? 'deleted' : 'available';
    return { rev, status: hasBody ? status : 'missing' };
  });
}

function conflictMember(
  name: string,
  leaves: readonly StoredRevision[],
  winner: StoredRevision,
  deleted: boolean,
): Json {
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
      const revisions = await readRevisions(pouch, id);
      const unknown = revs.filter((rev: string) => revisions.get(rev) === undefined);
      if (unknown.length === 0) return [];
      const highest = unknown.reduce((max: number, rev: string) => Math.max(max, Number.parseInt(rev, 10)), 0);
      const ancestors = revisions.leaves.filter((leaf) => leaf.generation < highest).map((leaf) => leaf.rev);
      return [
        [id, { missing: unknown, ...(ancestors.length === 0 ? {} : { possible_ancestors: ancestors }) }] as const,
      ];
    }),
  );
  return Object.fromEntries(entries.flat());
}
