import type { IncomingMessage, ServerResponse } from 'node:http';
import { badRequest, methodNotAllowed, sendJson } from '../../http/errors.ts';
import { adminRequired, isAdmin } from './access.ts';
import { formatSequence, parseChanges } from './changes.ts';
import type { DatabaseContext } from './database-context.ts';
import type { EngineDatabase } from './database.ts';
import { handleDocument, writeDocument } from './document-routes.ts';
import { bulkGet, revsDiff } from './documents.ts';
import { handleChanges } from './feed.ts';
import type { Json } from './pouchdb.ts';
import { readJson, formatPath, type EnginePath } from './request.ts';
import { writeDocuments } from './write.ts';

type Handler = (context: DatabaseContext, request: IncomingMessage, response: ServerResponse) => Promise<void> | void;

interface Endpoint {
  readonly methods: readonly string[];
  readonly handle: Handler;
}

/** PouchDB's default, and CouchDB's. */
const REVS_LIMIT = 1_000;

/** Sends the result of `run`, which gets the body of a POST, or `{}`. */
const jsonEndpoint =
  (status: number, run: (context: DatabaseContext, body: Json) => unknown): Handler =>
  async (context, request, response) =>
    sendJson(response, status, await run(context, await readPostBody(context, request)));

function delegateRequest(context: DatabaseContext, request: IncomingMessage, response: ServerResponse): void {
  request.url = formatPath(context.path);
  context.delegate(context.database, request, response);
}

function delegateAsAdmin(context: DatabaseContext, request: IncomingMessage, response: ServerResponse): void {
  if (!isAdmin(context.session)) throw adminRequired();
  delegateRequest(context, request, response);
}

/** The endpoints by their path after the database. Any other path is a document's. */
const ENDPOINTS: ReadonlyMap<string, Endpoint> = new Map<string, Endpoint>([
  ['', { methods: ['GET', 'POST'], handle: handleDatabase }],
  ['_changes', { methods: ['GET', 'POST'], handle: sendChanges }],
  [
    '_bulk_get',
    {
      methods: ['POST'],
      handle: jsonEndpoint(200, ({ database, path }, body) => bulkGet(database.pouch, body, path.query)),
    },
  ],
  [
    '_revs_diff',
    { methods: ['POST'], handle: jsonEndpoint(200, ({ database }, body) => revsDiff(database.pouch, body)) },
  ],
  ['_bulk_docs', { methods: ['POST'], handle: jsonEndpoint(201, writeBulkDocs) }],
  ['_ensure_full_commit', { methods: ['POST'], handle: sendCommitted }],
  ['_revs_limit', { methods: ['GET'], handle: jsonEndpoint(200, () => REVS_LIMIT) }],
  ['_all_docs', { methods: ['GET', 'POST'], handle: delegateRequest }],
  ['_compact', { methods: ['POST'], handle: delegateAsAdmin }],
  ['_view_cleanup', { methods: ['POST'], handle: delegateAsAdmin }],
]);
const VIEW: Endpoint = { methods: ['GET', 'POST'], handle: delegateRequest };

/** Handles a request below a database. Throws an HttpError when it rejects the request. */
export async function handleDatabaseRequest(
  context: DatabaseContext,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const rest = context.path.parts.slice(1).join('/');
  const endpoint = isViewPath(context.path) ? VIEW : ENDPOINTS.get(rest);
  if (endpoint !== undefined) {
    if (!endpoint.methods.includes(context.method)) throw methodNotAllowed(endpoint.methods.join(','));
    await endpoint.handle(context, request, response);
  } else if (rest === '_security') await handleSecurity(context, request, response);
  else await handleDocument(context, rest, request, response);
}

function isViewPath({ parts }: EnginePath): boolean {
  const [, second, , fourth] = parts;
  return parts.length === 5 && second === '_design' && fourth === '_view';
}

const readPostBody = async ({ method }: DatabaseContext, request: IncomingMessage): Promise<Json> =>
  method === 'POST' ? await readJson(request) : {};

async function handleDatabase(
  context: DatabaseContext,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (context.method === 'GET') sendJson(response, 200, await databaseInfo(context.database));
  else await writeDocument(context, await readJson(request), response);
}

async function sendChanges(
  context: DatabaseContext,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { database, path } = context;
  const changes = parseChanges(path.query, await readPostBody(context, request));
  await handleChanges(database, changes, path.query, response);
}

/** Does not read the body. */
function sendCommitted(_context: DatabaseContext, _request: IncomingMessage, response: ServerResponse): void {
  sendJson(response, 201, { ok: true, instance_start_time: '0' });
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

async function writeBulkDocs({ database, session, rules, passwords }: DatabaseContext, body: Json): Promise<Json[]> {
  const { docs, new_edits: newEditsParameter } = body;
  if (!Array.isArray(docs)) throw badRequest('POST body must include `docs` parameter.');
  const newEdits = newEditsParameter !== false;
  const results = await writeDocuments(database, docs, { newEdits, session, security: rules, passwords });
  return results
    .filter(({ error }) => newEdits || error !== undefined)
    .map(({ id, rev, error }) =>
      error === undefined
        ? { ok: true, id, rev }
        : { id, ...(newEdits ? {} : { rev }), error: error.error, reason: error.message },
    );
}
