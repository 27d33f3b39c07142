import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { sendError } from '../../http/errors.ts';
import type { UpstreamAccess } from '../client.ts';
import { createBearerAuth } from './bearer-auth.ts';
import { createDelegate } from './express-pouchdb.ts';
import { handleRequest } from './routes.ts';
import { Passwords } from './passwords.ts';
import { readDocument } from './pouchdb.ts';
import { generateSecrets, type EngineSecrets } from './secrets.ts';
import { openSecurityObjects, type SecurityObjects } from './security.ts';
import { createAuthenticator } from './authenticator.ts';
import { EngineSettings } from './settings.ts';
import { openStorage, type EmbeddedStorage, type Storage } from './storage.ts';

export { loadLevelDb } from './pouchdb.ts';
export type { EmbeddedStorage } from './storage.ts';

/** A request as the engine received it. */
export interface EngineRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

export interface EmbeddedOptions {
  readonly storage: EmbeddedStorage;
  /** Default: 0, a free port chosen by the system. */
  readonly port?: number;
  /** Default: generated. */
  readonly secrets?: EngineSecrets;
  /** The iterations of PBKDF2 for new passwords. Default: 150,000. Fewer only where no person's password is stored. */
  readonly passwordIterations?: number;
  /** Called for each request before it is handled. */
  readonly onRequest?: (request: EngineRequest) => void;
}

export interface EmbeddedEngine {
  readonly access: UpstreamAccess;
  /** A token signed with it is accepted, as with CouchDB's [jwt_keys]. */
  readonly jwtSecret: Buffer;
  /** Ends every request, live ones included, and closes the files. Databases in memory stay for the next start. */
  close(): Promise<void>;
}

/** No account can have this name, since usernames contain no upper-case letters. */
const ADMIN_NAME = 'Engine';

/**
 * Starts a CouchDB-compatible engine in this process, on 127.0.0.1 only, for evaluation without CouchDB. The
 * administrator's password exists only in memory; without it, only `/` and `/_session` are readable. Rejects when the port is
 * in use or the directory cannot be used.
 */
export async function startEmbeddedEngine(options: EmbeddedOptions): Promise<EmbeddedEngine> {
  const { password, jwtSecret } = options.secrets ?? generateSecrets();
  const admin = { username: ADMIN_NAME, password };
  const settings = new EngineSettings(jwtSecret);
  const { storage, security } = await openEngineStorage(options.storage);
  const passwords = new Passwords(options.passwordIterations);
  const dependencies = {
    storage,
    security,
    settings,
    passwords,
    authenticator: createAuthenticator(
      storage,
      passwords,
      admin,
      createBearerAuth((keyId) => settings.jwtSecret(keyId)),
    ),
    delegate: createDelegate(),
  };
  const server = createServer((request, response) => {
    options.onRequest?.({ method: request.method ?? '', url: request.url ?? '', headers: request.headers });
    handleRequest(dependencies, request, response).catch((error: unknown) => sendError(response, error));
  });
  // A live feed may last longer than Node's default of five minutes per request.
  server.requestTimeout = 0;
  const port = await listen(server, options.port ?? 0);
  return {
    access: { url: `http://127.0.0.1:${port}`, ...admin },
    jwtSecret,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      await storage.close();
    },
  };
}

async function openEngineStorage(location: EmbeddedStorage): Promise<{ storage: Storage; security: SecurityObjects }> {
  try {
    const storage = await openStorage(location);
    const security = await openSecurityObjects(storage);
    await storage.create('_users');
    await putAuthDesign(storage);
    return { storage, security };
  } catch (error) {
    if (location.kind === 'memory') throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(
      `The data in ${location.directory} cannot be opened. Is another server using it, or is it not writable? (${reason})`,
      { cause: error },
    );
  }
}

/** Set-up detects by this document, as in CouchDB, that accounts are validated. Here `accounts.ts` validates them first. */
const AUTH_DESIGN = {
  _id: '_design/_auth',
  language: 'javascript',
  validate_doc_update:
    'function (doc) { if (!doc._deleted && doc.type !== "user") throw { forbidden: "no account" }; }',
};

async function putAuthDesign(storage: Storage): Promise<void> {
  const users = await storage.open('_users');
  if (users === undefined || (await readDocument(users.pouch, AUTH_DESIGN._id)) !== undefined) return;
  await users.pouch.put(AUTH_DESIGN);
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      if (typeof address === 'object' && address !== null) resolve(address.port);
      else reject(new Error('The engine has no port.'));
    });
  });
}
