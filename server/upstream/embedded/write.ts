import { randomUUID } from 'node:crypto';
import { badRequest, conflict, forbidden, HttpError } from '../../http/errors.ts';
import { isAdmin, type Session } from './access.ts';
import { validateAccount } from './accounts.ts';
import { databaseNotFound, type EngineDatabase } from './database.ts';
import type { Passwords } from './passwords.ts';
import { readDocument, readRevisions, type Json } from './pouchdb.ts';
import { asObject } from './request.ts';
import { ancestry } from './revision-tree.ts';

export interface WriteOptions {
  /** False stores the revisions that were sent; true generates new ones. */
  readonly newEdits: boolean;
  readonly session: Session;
  readonly security: unknown;
  readonly passwords: Passwords;
}

/** The result for one document. `rev` is the new revision; with an error it is the one that was sent. */
export interface WriteResult {
  readonly id: string;
  readonly rev: string | undefined;
  readonly error?: HttpError;
}

/** Writes the valid documents and returns a result per row. Throws 400 when a document is malformed. */
export async function writeDocuments(
  database: EngineDatabase,
  rows: readonly unknown[],
  options: WriteOptions,
): Promise<WriteResult[]> {
  const documents = rows.map((row) => parseDocument(row, options.newEdits));
  const hashed =
    database.name === '_users'
      ? await Promise.all(documents.map((each) => options.passwords.withHash(each)))
      : documents;
  return await database.writeQueue(async () => {
    if (database.isDestroyed) throw databaseNotFound();
    const errors = await Promise.all(hashed.map((document) => validateWrite(database, document, options)));
    const accepted = hashed.filter((_, index) => errors[index] === undefined);
    const results = await storeDocuments(database, accepted, options.newEdits);
    const allResults = hashed.map((document, index): WriteResult => {
      const error = errors[index];
      const sent = { id: String(document['_id']), rev: document['_rev'] as string | undefined };
      return error === undefined ? (results.shift() ?? sent) : { ...sent, error };
    });
    database.onWritten(accepted.map((document) => String(document['_id'])));
    return allResults;
  });
}

/** The underscore members that CouchDB accepts in a document. It ignores the last three. */
const SPECIAL_MEMBERS = new Set(['_id', '_rev', '_deleted', '_revisions', '_attachments', '_revs_info', '_conflicts']);
const IGNORED_MEMBERS = new Set(['_attachments', '_revs_info', '_conflicts']);

function parseDocument(row: unknown, newEdits: boolean): Json {
  const document = asObject(row, 'Document must be a JSON object');
  for (const key of Object.keys(document)) {
    // PouchDB would use a `_rev_tree` sent by a client as its own.
    if (key.startsWith('_') && !SPECIAL_MEMBERS.has(key)) {
      throw new HttpError(400, 'doc_validation', `Bad special document member: ${key}`);
    }
  }
  if (Object.keys(document['_attachments'] ?? {}).length > 0) {
    throw new HttpError(400, 'not_implemented', 'This engine does not store attachments.');
  }
  const members = Object.entries(document).filter(([key]) => !IGNORED_MEMBERS.has(key));
  const id = document['_id'] === undefined && newEdits ? randomUUID() : parseId(document['_id']);
  return { ...Object.fromEntries(members), ...parseRevisions(document, newEdits), _id: id };
}

/** Returns a valid document id. Throws 400 for anything else. */
export function parseId(id: unknown): string {
  if (typeof id !== 'string' || id === '') throw new HttpError(400, 'illegal_docid', 'Document id must be a string.');
  if (id.startsWith('_') && !/^_(?:design|local)\/./s.test(id)) {
    throw new HttpError(400, 'illegal_docid', 'Only reserved document ids may start with underscore.');
  }
  return id;
}

function parseRevisions(document: Json, newEdits: boolean): Json {
  const { _rev: rev, _revisions: revisions, _id: id } = document;
  const isLocal = typeof id === 'string' && id.startsWith('_local/');
  if (rev === undefined && (newEdits || isLocal)) return {};
  if (typeof rev !== 'string' || !/^\d{1,10}-[^\s-]+$/.test(rev)) throw badRequest('Invalid rev format');
  if (newEdits || isLocal) return { _rev: rev, _revisions: undefined };
  const { start, ids } = asObject(
    revisions ?? { start: Number.parseInt(rev, 10), ids: [rev.slice(rev.indexOf('-') + 1)] },
  );
  const isValid =
    typeof start === 'number' &&
    Array.isArray(ids) &&
    ids.length <= start &&
    ids.every((part) => typeof part === 'string' && part !== '') &&
    rev === `${start}-${String(ids[0])}`;
  if (!isValid) throw new HttpError(400, 'doc_validation', 'RevId does not match _revisions.');
  return { _rev: rev, _revisions: { start, ids } };
}

async function validateWrite(
  database: EngineDatabase,
  document: Json,
  { newEdits, session, security }: WriteOptions,
): Promise<HttpError | undefined> {
  const id = String(document['_id']);
  if (id.startsWith('_local/')) return undefined;
  if (id.startsWith('_design/')) {
    return isAdmin(session) ? undefined : new HttpError(401, 'unauthorized', 'You are not a db or server admin.');
  }
  const previous = await (newEdits ? findEditBase(database, document) : findReplicationBase(database, document));
  if (previous === 'conflict') return conflict();
  if (database.name === '_users') {
    const reason = validateAccount(document);
    if (reason !== undefined) return forbidden(reason);
  }
  const user = { db: database.name, name: session.name, roles: session.roles };
  for (const validate of await database.validations()) {
    const error = validate({ next: document, previous, user, security });
    if (error !== undefined) return error;
  }
  return undefined;
}

/** Returns the body of the leaf that an edit updates. An edit without a revision may only create or recreate a document. */
async function findEditBase(database: EngineDatabase, document: Json): Promise<Json | null | 'conflict'> {
  const { leaves } = await readRevisions(database.pouch, String(document['_id']));
  const rev = document['_rev'];
  if (rev === undefined) return leaves[0] === undefined || leaves[0].deleted ? null : 'conflict';
  const leaf = leaves.find((each) => each.rev === rev);
  if (leaf === undefined) return 'conflict';
  return (await readDocument(database.pouch, String(document['_id']), leaf.rev)) ?? null;
}

/** Returns the body of the nearest ancestor of a replicated revision that has one; null after a compaction. */
async function findReplicationBase(database: EngineDatabase, document: Json): Promise<Json | null> {
  const { start, ids } = document['_revisions'] as { start: number; ids: string[] };
  const id = String(document['_id']);
  if (ids.length === 1) return null;
  const revisions = await readRevisions(database.pouch, id);
  const nearest = ids.findIndex((part, index) => index > 0 && revisions.get(`${start - index}-${part}`) !== undefined);
  for (const { rev, hasBody } of ancestry(revisions.get(`${start - nearest}-${ids[nearest] ?? ''}`))) {
    const body = hasBody ? await readDocument(database.pouch, id, rev) : undefined;
    if (body !== undefined) return body;
  }
  return null;
}

async function storeDocuments(
  database: EngineDatabase,
  documents: readonly Json[],
  newEdits: boolean,
): Promise<WriteResult[]> {
  if (documents.length === 0) return [];
  const sent = documents.map((document) => ({
    id: String(document['_id']),
    rev: document['_rev'] as string | undefined,
  }));
  const results = await database.pouch.bulkDocs(
    documents.map((document) => structuredClone(document)),
    { new_edits: newEdits },
  );
  // With `new_edits: false` PouchDB, like CouchDB, returns failures only. Any expected failure was found above.
  if (!newEdits) {
    if (results.length > 0)
      throw new Error(`The engine could not store replicated revisions: ${JSON.stringify(results)}`);
    return sent;
  }
  return results.map((result, index) => {
    const own = sent[index] ?? { id: String(result.id), rev: undefined };
    if ('ok' in result) return { id: own.id, rev: result.rev };
    const { status = 500, name = 'unknown_error', message = '' } = result;
    return { ...own, error: new HttpError(status, name, message) };
  });
}
