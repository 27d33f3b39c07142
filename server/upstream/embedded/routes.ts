import { createHash, randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { HttpError, methodNotAllowed, notFound, sendJson } from '../../http/errors.ts';
import { adminRequired, assertAccountsAdmin, assertMember, isAdmin, type Session } from './access.ts';
import { databaseNotFound } from './database.ts';
import { handleDatabaseRequest } from './database-routes.ts';
import type { Delegate } from './express-pouchdb.ts';
import type { Passwords } from './passwords.ts';
import type { Json } from './pouchdb.ts';
import { parsePath, readJson, readValue, type EnginePath } from './request.ts';
import type { SecurityObjects } from './security.ts';
import type { Authenticator } from './authenticator.ts';
import { ENGINE_NODE, type EngineSettings } from './settings.ts';
import { ENGINE_DATABASE, isDatabaseName, type Storage } from './storage.ts';

/** The parts of the engine that handle a request. */
export interface EngineDependencies {
  readonly storage: Storage;
  readonly security: SecurityObjects;
  readonly authenticator: Authenticator;
  readonly passwords: Passwords;
  readonly settings: EngineSettings;
  readonly delegate: Delegate;
}

/** Handles one request. Rejects with an `HttpError` when it rejects the request. */
export async function handleRequest(
  dependencies: EngineDependencies,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = parsePath(request.url ?? '/');
  const method = request.method === 'HEAD' ? 'GET' : (request.method ?? 'GET');
  const [first, ...rest] = path.parts;
  // Sign-in precedes authentication: it checks the credentials in the body, not those of the request.
  if (first === '_session' && rest.length === 0 && method !== 'GET') {
    await handleSignIn(dependencies, method, request, response);
    return;
  }
  const session = await dependencies.authenticator.authenticateRequest(request);
  if (first === undefined) sendWelcome(method, response);
  else if (isDatabaseName(first))
    await routeDatabaseRequest(dependencies, first, path, method, session, request, response);
  else await handleServerRequest(dependencies, path.parts, method, session, request, response);
}

function sendWelcome(method: string, response: ServerResponse): void {
  if (method !== 'GET') throw methodNotAllowed('GET,HEAD');
  sendJson(response, 200, {
    couchdb: 'Welcome',
    version: '3.4.3',
    uuid: createHash('md5').update('pouchgate embedded engine').digest('hex'),
    features: [],
    vendor: { name: 'Pouchgate, embedded engine' },
  });
}

async function handleSignIn(
  { authenticator }: EngineDependencies,
  method: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  switch (method) {
    case 'POST': {
      const { name, password } = await readJson(request);
      const credentials = { username: String(name), password: String(password) };
      const session = await authenticator.authenticateCredentials(credentials);
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

async function handleServerRequest(
  { storage, settings }: EngineDependencies,
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
  if (!isAdmin(session)) throw adminRequired();
  if (!path.startsWith('_')) {
    throw new HttpError(400, 'illegal_database_name', 'Only lower-case letters, digits and _$()+- are allowed.');
  }
  if (parts[0] === '_node') {
    sendJson(response, 200, settings.handle(parts, method, method === 'PUT' ? await readValue(request) : undefined));
    return;
  }
  if (method !== 'GET') throw methodNotAllowed('GET,HEAD');
  sendJson(response, 200, await readServerResource(storage, path));
}

async function readServerResource(storage: Storage, path: string): Promise<unknown> {
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
      throw notFound();
  }
}

/** Checks access before existence, so that an unauthorized caller cannot detect which databases exist. */
async function routeDatabaseRequest(
  dependencies: EngineDependencies,
  name: string,
  path: EnginePath,
  method: string,
  session: Session,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { storage, security } = dependencies;
  const [, second] = path.parts;
  if (second === undefined && (method === 'PUT' || method === 'DELETE')) {
    if (!isAdmin(session)) throw adminRequired();
    await (method === 'PUT' ? createDatabase(dependencies, name) : destroyDatabase(dependencies, name));
    sendJson(response, method === 'PUT' ? 201 : 200, { ok: true });
    return;
  }
  const rules: Json = await security.read(name);
  if (name === '_users') assertAccountsAdmin(session, rules, second);
  else assertMember(session, rules);
  const database = await storage.open(name);
  if (database === undefined) throw databaseNotFound();
  await database.rejectOnDestroy(
    handleDatabaseRequest({ ...dependencies, database, rules, session, path, method }, request, response),
  );
}

async function createDatabase({ storage }: EngineDependencies, name: string): Promise<void> {
  if (await storage.create(name)) return;
  throw new HttpError(412, 'file_exists', 'The database could not be created, the file already exists.');
}

/** Removes the security object first. If the process dies in between, the database is left closed to members. */
async function destroyDatabase({ storage, security }: EngineDependencies, name: string): Promise<void> {
  await security.remove(name);
  if (!(await storage.destroy(name))) throw databaseNotFound();
}
