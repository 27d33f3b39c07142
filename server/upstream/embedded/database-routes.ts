import type { IncomingMessage, ServerResponse } from 'node:http';
import { badRequest, methodNotAllowed, missing, sendJson } from '../../http/errors.ts';
import { adminOnly, isAdmin, type Session } from './access.ts';
import { formatSequence, parseChanges } from './changes.ts';
import type { EngineDatabase } from './database.ts';
import { bulkGet, getDocument, revsDiff } from './documents.ts';
import type { Delegate } from './express-pouchdb.ts';
import { answerChanges } from './feed.ts';
import type { Json } from './pouchdb.ts';
import { asObject, readJson, spell, type EnginePath } from './request.ts';
import type { SecurityObjects } from './security.ts';
import { parseId, writeDocuments, type Written } from './write.ts';

/** A request that may come near this database. `HEAD` is told as `GET`. */
export interface DatabaseRequest {
  readonly database: EngineDatabase;
  readonly rules: Json;
  readonly session: Session;
  readonly path: EnginePath;
  readonly method: string;
  readonly security: SecurityObjects;
  readonly delegate: Delegate;
}

export async function answerDatabase(
  asked: DatabaseRequest,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { database, path, method } = asked;
  const [, second, third, fourth] = path.parts;
  const rest = path.parts.slice(1).join('/');
  const read = async (): Promise<Json> => (method === 'POST' ? await readJson(request) : {});
  const only = (...allowed: string[]): void => {
    if (!allowed.includes(method)) throw methodNotAllowed(allowed.join(','));
  };
  const delegate = (): void => {
    request.url = spell(path);
    asked.delegate(database, request, response);
  };

  if (second === '_design' && third !== undefined && fourth === '_view' && path.parts.length === 5) {
    only('GET', 'POST');
    delegate();
    return;
  }
  switch (rest) {
    case '':
      only('GET', 'POST');
      if (method === 'GET') sendJson(response, 200, await databaseInfo(database));
      else await writeOne(asked, await readJson(request), response);
      return;
    case '_changes':
      only('GET', 'POST');
      await answerChanges(database, parseChanges(path.query, await read()), path.query, response);
      return;
    case '_bulk_get':
      only('POST');
      sendJson(response, 200, await bulkGet(database.pouch, await read(), path.query));
      return;
    case '_revs_diff':
      only('POST');
      sendJson(response, 200, await revsDiff(database.pouch, await read()));
      return;
    case '_bulk_docs':
      only('POST');
      sendJson(response, 201, await bulkDocs(asked, await read()));
      return;
    case '_ensure_full_commit':
      only('POST');
      sendJson(response, 201, { ok: true, instance_start_time: '0' });
      return;
    case '_security':
      await answerSecurity(asked, request, response);
      return;
    case '_all_docs':
      only('GET', 'POST');
      delegate();
      return;
    case '_compact':
    case '_view_cleanup':
      only('POST');
      if (!isAdmin(asked.session)) throw adminOnly();
      delegate();
      return;
    default:
      await answerDocument(asked, rest, request, response);
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

async function answerSecurity(
  { database, rules, session, method, security }: DatabaseRequest,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  switch (method) {
    case 'GET':
      sendJson(response, 200, rules);
      return;
    case 'PUT':
      if (!isAdmin(session)) throw adminOnly();
      await security.write(database.name, await readJson(request));
      sendJson(response, 200, { ok: true });
      return;
    default:
      throw methodNotAllowed('GET,HEAD,PUT');
  }
}

async function bulkDocs({ database, session, rules }: DatabaseRequest, body: Json): Promise<Json[]> {
  const { docs, new_edits: newEditsSent } = body;
  if (!Array.isArray(docs)) throw badRequest('POST body must include `docs` parameter.');
  const newEdits = newEditsSent !== false;
  const written = await writeDocuments(database, docs, { newEdits, session, security: rules });
  return written
    .filter(({ refusal }) => newEdits || refusal !== undefined)
    .map(({ id, rev, refusal }) =>
      refusal === undefined
        ? { ok: true, id, rev }
        : { id, ...(newEdits ? {} : { rev }), error: refusal.error, reason: refusal.message },
    );
}

async function answerDocument(
  asked: DatabaseRequest,
  rest: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { database, path, method } = asked;
  // `_local` and `_design` documents have a slash in their id; anything else behind one would be an attachment.
  const isSpecial = /^_(?:local|design)\/./s.test(rest);
  if (rest.startsWith('_') ? !isSpecial : path.parts.length > 2) throw missing();
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
      await writeOne(asked, { ...(rev === undefined ? {} : { _rev: rev }), ...body, _id: parseId(rest) }, response);
      return;
    }
    case 'DELETE': {
      if (rev === undefined) await getDocument(database.pouch, rest, new Map());
      await writeOne(asked, { _id: rest, ...(rev === undefined ? {} : { _rev: rev }), _deleted: true }, response, 200);
      return;
    }
    default:
      throw methodNotAllowed('DELETE,GET,HEAD,PUT');
  }
}

async function writeOne(asked: DatabaseRequest, document: Json, response: ServerResponse, status = 201): Promise<void> {
  const { database, session, rules, path } = asked;
  const newEdits = path.query.get('new_edits') !== 'false';
  const [written] = await writeDocuments(database, [document], { newEdits, session, security: rules });
  const { id, rev, refusal } = written as Written;
  if (refusal !== undefined) throw refusal;
  response.setHeader('ETag', JSON.stringify(rev));
  response.setHeader('Location', `/${database.name}/${encodeURIComponent(id)}`);
  sendJson(response, status, { ok: true, id, rev });
}
