/**
 * Servers for an application's tests: `import { startTestPouchgate } from 'pouchgate/testing'`. Each runs in a child process,
 * so that it does not depend on the test runner's module loader, and exits with the test process.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import jwt from 'jsonwebtoken';
import { startChildServer, type ChildServer } from './lib/child-server.ts';
import type { StartedForTests } from './testing-api-messages.ts';

/** An in-memory stand-in for CouchDB, on a loopback port chosen by the system. */
export interface TestCouchdb {
  /** The URL and the credentials of its server admin: the `couchdb` option of `createPouchgate`. */
  readonly access: { readonly url: string; readonly username: string; readonly password: string };
  /** Stops it, and resolves once its process has exited. The data is lost. */
  readonly close: () => Promise<void>;
}

/** A Pouchgate server on an in-memory stand-in for CouchDB. */
export interface TestPouchgate {
  /** The server's origin, on a loopback port chosen by the system. */
  readonly url: string;
  /** The URL that PouchDB and `createPreferencesStore` replicate with. */
  readonly database: string;
  /**
   * Creates an access token that is valid for one hour. A server with the keys of an identity provider does not accept it.
   *
   * @param username - The user's name. No account is needed; the user's document is created at the first request.
   * @returns A JWT for the `Authorization: Bearer` header.
   */
  readonly token: (username: string) => string;
  /** Stops the server, and resolves once its process has exited. The data is lost. */
  readonly close: () => Promise<void>;
}

/**
 * Starts an in-memory stand-in for CouchDB, for an application that mounts `createPouchgate` itself.
 *
 * @returns Its URL and credentials, and the function that stops it.
 * @throws An `Error` with the standard error output of the process if it does not start.
 *
 * @example
 * ```ts
 * const couchdb = await startTestCouchdb();
 * const pouchgate = await createPouchgate({ couchdb: couchdb.access, authenticate });
 * // … the tests …
 * await pouchgate.close();
 * await couchdb.close();
 * ```
 */
export async function startTestCouchdb(): Promise<TestCouchdb> {
  const { started, close } = await startProcess('couchdb', {});
  const { url, username, password } = started;
  return { access: { url, username, password }, close };
}

/**
 * Starts a whole server on an in-memory stand-in for CouchDB. Registration is open, unless `env` has the keys of an identity
 * provider (`JWKS_URL` or `JWT_PUBLIC_KEY`). No metrics are served.
 *
 * @param env - Environment variables that override those of the test server (see docs/configuration.md). Default: none.
 * @returns Its URLs, a function that creates access tokens, and the function that stops it.
 * @throws An `Error` with the standard error output of the process if it does not start.
 *
 * @example
 * ```ts
 * const gate = await startTestPouchgate();
 * const response = await fetch(gate.database, { headers: { authorization: `Bearer ${gate.token('alice')}` } });
 * // … the tests …
 * await gate.close();
 * ```
 */
export async function startTestPouchgate(env: Readonly<Record<string, string>> = {}): Promise<TestPouchgate> {
  const secret = randomBytes(32).toString('base64url');
  const { started, close } = await startProcess('pouchgate', {
    ...('JWKS_URL' in env || 'JWT_PUBLIC_KEY' in env ? {} : { JWT_SECRET: secret, REGISTRATION: 'open' }),
    LOG_LEVEL: 'silent',
    PORT: '0',
    METRICS_PORT: 'off',
    DRAIN_SECONDS: '0',
    ...env,
  });
  return {
    url: started.url,
    database: `${started.url}/sync/${started.registry}`,
    token: (sub) => jwt.sign({ sub }, env['JWT_SECRET'] ?? secret, { expiresIn: '1h' }),
    close,
  };
}

const startProcess = (
  kind: 'couchdb' | 'pouchgate',
  env: Readonly<Record<string, string>>,
): Promise<ChildServer<StartedForTests>> =>
  startChildServer({ program: join(import.meta.dirname, 'testing-api-process'), args: [kind], env, name: 'Pouchgate' });
