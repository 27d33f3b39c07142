import { createHash, randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { HttpError, methodNotAllowed, missing, sendJson } from '../../http/errors.ts';
import { adminOnly, checkAccountsAdmin, checkMember, isAdmin, type Session } from './access.ts';
import { noDatabase } from './database.ts';
import { answerDatabase } from './database-routes.ts';
import type { Delegate } from './express-pouchdb.ts';
import type { Json } from './pouchdb.ts';
import { parsePath, readJson, readValue, type EnginePath } from './request.ts';
import type { SecurityObjects } from './security.ts';
import type { Sessions } from './cookie-sessions.ts';
import { ENGINE_NODE, type EngineSettings } from './settings.ts';
import { ENGINE_DATABASE, isDatabaseName, type Storage } from './storage.ts';

/** What the engine is made of. */
export interface EngineRooms {
  readonly storage: Storage;
  readonly security: SecurityObjects;
  readonly sessions: Sessions;
  readonly settings: EngineSettings;
  readonly delegate: Delegate;
}

/** Answers one request; throws an `HttpError` for what it refuses. */
export async function answer(rooms: EngineRooms, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = parsePath(request.url ?? '/');
  const method = request.method === 'HEAD' ? 'GET' : (request.method ?? 'GET');
  const [first, ...rest] = path.parts;
  // Before the credentials: wrong ones in the body are an answer here, not a fault of the request.
  if (first === '_session' && rest.length === 0 && method !== 'GET') {
    await answerSignIn(rooms, method, request, response);
    return;
  }
  const session = await rooms.sessions.ofRequest(request);
  if (first === undefined) welcome(method, response);
  else if (isDatabaseName(first)) await atDatabase(rooms, first, path, method, session, request, response);
  else await atServer(rooms, path.parts, method, session, request, response);
}

function welcome(method: string, response: ServerResponse): void {
  if (method !== 'GET') throw methodNotAllowed('GET,HEAD');
  sendJson(response, 200, {
    couchdb: 'Welcome',
    version: '3.4.3',
    uuid: createHash('md5').update('pouchgate embedded engine').digest('hex'),
    features: [],
    vendor: { name: 'Pouchgate, embedded engine' },
  });
}

async function answerSignIn(
  { sessions }: EngineRooms,
  method: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  switch (method) {
    case 'POST': {
      const { name, password } = await readJson(request);
      const credentials = { username: String(name), password: String(password) };
      const session = await sessions.ofCredentials(credentials);
      sendJson(response, 200, { ok: true, ...session });
      return;
    }
    case 'DELETE':
      sendJson(response, 200, { ok: true });
      return;
    default:
      throw methodNotAllowed('DELETE,GET,HEAD,POST');
  }
}

async function atServer(
  { storage, settings }: EngineRooms,
  parts: readonly string[],
  method: string,
  session: Session,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = parts.join('/');
  if (path === '_session') {
    const authenticated = session.name === null ? {} : { authenticated: 'default' };
    sendJson(response, 200, {
      ok: true,
      userCtx: session,
      info: { authentication_handlers: ['jwt', 'default'], ...authenticated },
    });
    return;
  }
  if (!isAdmin(session)) throw adminOnly();
  if (!path.startsWith('_')) {
    throw new HttpError(400, 'illegal_database_name', 'Only lower-case letters, digits and _$()+- are allowed.');
  }
  if (parts[0] === '_node') {
    sendJson(response, 200, settings.answer(parts, method, method === 'PUT' ? await readValue(request) : undefined));
    return;
  }
  if (method !== 'GET') throw methodNotAllowed('GET,HEAD');
  sendJson(response, 200, await serverPage(storage, path));
}

async function serverPage(storage: Storage, path: string): Promise<unknown> {
  switch (path) {
    case '_membership':
      return { all_nodes: [ENGINE_NODE], cluster_nodes: [ENGINE_NODE] };
    case '_up':
      return { status: 'ok' };
    case '_uuids':
      return { uuids: [randomUUID().replaceAll('-', '')] };
    case '_all_dbs':
      return (await storage.names()).filter((name) => name !== ENGINE_DATABASE);
    default:
      throw missing();
  }
}

/** Who asks is judged before whether there is such a database: a stranger learns nothing of either. */
async function atDatabase(
  rooms: EngineRooms,
  name: string,
  path: EnginePath,
  method: string,
  session: Session,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { storage, security } = rooms;
  const [, second] = path.parts;
  if (second === undefined && (method === 'PUT' || method === 'DELETE')) {
    if (!isAdmin(session)) throw adminOnly();
    await (method === 'PUT' ? createDatabase(rooms, name) : destroyDatabase(rooms, name));
    sendJson(response, method === 'PUT' ? 201 : 200, { ok: true });
    return;
  }
  const rules: Json = await security.read(name);
  if (name === '_users') checkAccountsAdmin(session, rules, second);
  else checkMember(session, rules);
  const database = await storage.open(name);
  if (database === undefined) throw noDatabase();
  await database.whileThere(answerDatabase({ ...rooms, database, rules, session, path, method }, request, response));
}

async function createDatabase({ storage }: EngineRooms, name: string): Promise<void> {
  if (await storage.create(name)) return;
  throw new HttpError(412, 'file_exists', 'The database could not be created, the file already exists.');
}

/** Its security object goes first: if the process dies in between, what is left is closed, not open to a namesake. */
async function destroyDatabase({ storage, security }: EngineRooms, name: string): Promise<void> {
  await security.forget(name);
  if (!(await storage.destroy(name))) throw noDatabase();
}
