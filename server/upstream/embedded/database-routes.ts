import type { IncomingMessage, ServerResponse } from 'node:http';
import { badRequest, methodNotAllowed, notFound, sendJson } from '../../http/errors.ts';
import { adminRequired, isAdmin, type Session } from './access.ts';
import { formatSequence, parseChanges } from './changes.ts';
import type { EngineDatabase } from './database.ts';
import { bulkGet, getDocument, revsDiff } from './documents.ts';
import type { Delegate } from './express-pouchdb.ts';
import { handleChanges } from './feed.ts';
import type { Json } from './pouchdb.ts';
import { asObject, readJson, formatPath, type EnginePath } from './request.ts';
import type { SecurityObjects } from './security.ts';
import { parseId, writeDocuments, type WriteResult } from './write.ts';

/** A request that may come near this database. `HEAD` is told as `GET`. */
export interface DatabaseContext {
  readonly database: EngineDatabase;
  readonly rules: Json;
  readonly session: Session;
  readonly path: EnginePath;
  readonly method: string;
  readonly security: SecurityObjects;
  readonly delegate: Delegate;
}

export async function handleDatabaseRequest(
  context: DatabaseContext,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { database, path, method } = context;
  const [, second, third, fourth] = path.parts;
  const rest = path.parts.slice(1).join('/');
  const read = async (): Promise<Json> => (method === 'POST' ? await readJson(request) : {});
  const allowMethods = (...allowed: string[]): void => {
    if (!allowed.includes(method)) throw methodNotAllowed(allowed.join(','));
  };
  const delegate = (): void => {
    request.url = formatPath(path);
    context.delegate(database, request, response);
  };

  if (second === '_design' && third !== undefined && fourth === '_view' && path.parts.length === 5) {
    allowMethods('GET', 'POST');
    delegate();
    return;
  }
  switch (rest) {
    case '':
      allowMethods('GET', 'POST');
      if (method === 'GET') sendJson(response, 200, await databaseInfo(database));
      else await writeDocument(context, await readJson(request), response);
      return;
    case '_changes':
      allowMethods('GET', 'POST');
      await handleChanges(database, parseChanges(path.query, await read()), path.query, response);
      return;
    case '_bulk_get':
      allowMethods('POST');
      sendJson(response, 200, await bulkGet(database.pouch, await read(), path.query));
      return;
    case '_revs_diff':
      allowMethods('POST');
      sendJson(response, 200, await revsDiff(database.pouch, await read()));
      return;
    case '_bulk_docs':
      allowMethods('POST');
      sendJson(response, 201, await writeBulkDocs(context, await read()));
      return;
    case '_ensure_full_commit':
      allowMethods('POST');
      sendJson(response, 201, { ok: true, instance_start_time: '0' });
      return;
    case '_security':
      await handleSecurity(context, request, response);
      return;
    case '_all_docs':
      allowMethods('GET', 'POST');
      delegate();
      return;
    case '_compact':
    case '_view_cleanup':
      allowMethods('POST');
      if (!isAdmin(context.session)) throw adminRequired();
      delegate();
      return;
    default:
      await handleDocument(context, rest, request, response);
  }
}

async function databaseInfo({ name, pouch }: EngineDatabase): Promise<Json> {
  const { doc_count, update_seq } = await pouch.info();
  return {
    instance_start_time: '0',
    db_name: name,
    purge_seq: '0-embedded',
    update_seq: formatSequence(Number(update_seq)),
    sizes: { file: 0, external: 0, active: 0 },
    props: {},
    doc_del_count: 0,
    doc_count,
    disk_format_version: 8,
    compact_running: false,
    cluster: { q: 1, n: 1, w: 1, r: 1 },
  };
}

async function handleSecurity(
  { database, rules, session, method, security }: DatabaseContext,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  switch (method) {
    case 'GET':
      sendJson(response, 200, rules);
      return;
    case 'PUT':
      if (!isAdmin(session)) throw adminRequired();
      await security.write(database.name, await readJson(request));
      sendJson(response, 200, { ok: true });
      return;
    default:
      throw methodNotAllowed('GET,HEAD,PUT');
  }
}

async function writeBulkDocs({ database, session, rules }: DatabaseContext, body: Json): Promise<Json[]> {
  const { docs, new_edits: newEditsSent } = body;
  if (!Array.isArray(docs)) throw badRequest('POST body must include `docs` parameter.');
  const newEdits = newEditsSent !== false;
  const written = await writeDocuments(database, docs, { newEdits, session, security: rules });
  return written
    .filter(({ error }) => newEdits || error !== undefined)
    .map(({ id, rev, error }) =>
      error === undefined
        ? { ok: true, id, rev }
        : { id, ...(newEdits ? {} : { rev }), error: error.error, reason: error.message },
    );
}

async function handleDocument(
  context: DatabaseContext,
  rest: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { database, path, method } = context;
  // `_local` and `_design` documents have a slash in their id; anything else behind one would be an attachment.
  const isSpecial = /^_(?:local|design)\/./s.test(rest);
  if (rest.startsWith('_') ? !isSpecial : path.parts.length > 2) throw notFound();
  const rev = path.query.get('rev') ?? /^"(.+)"$/.exec(request.headers['if-match'] ?? '')?.[1];
  switch (method) {
    case 'GET': {
      const found = await getDocument(database.pouch, rest, path.query);
      if (!Array.isArray(found)) response.setHeader('ETag', JSON.stringify(found['_rev']));
      sendJson(response, 200, found);
      return;
    }
    case 'PUT': {
      const body = asObject(await readJson(request));
      if (body['_id'] !== undefined && body['_id'] !== rest) throw badRequest('Document ID must match the path.');
      await writeDocument(
        context,
        { ...(rev === undefined ? {} : { _rev: rev }), ...body, _id: parseId(rest) },
        response,
      );
      return;
    }
    case 'DELETE': {
      if (rev === undefined) await getDocument(database.pouch, rest, new Map());
      await writeDocument(
        context,
        { _id: rest, ...(rev === undefined ? {} : { _rev: rev }), _deleted: true },
        response,
        200,
      );
      return;
    }
    default:
      throw methodNotAllowed('DELETE,GET,HEAD,PUT');
  }
}

async function writeDocument(
  context: DatabaseContext,
  document: Json,
  response: ServerResponse,
  status = 201,
): Promise<void> {
  const { database, session, rules, path } = context;
  const newEdits = path.query.get('new_edits') !== 'false';
  const [written] = await writeDocuments(database, [document], { newEdits, session, security: rules });
  const { id, rev, error } = written as WriteResult;
  if (error !== undefined) throw error;
  response.setHeader('ETag', JSON.stringify(rev));
  response.setHeader('Location', `/${database.name}/${encodeURIComponent(id)}`);
  sendJson(response, status, { ok: true, id, rev });
}
