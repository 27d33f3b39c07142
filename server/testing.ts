/** A whole Pouchgate for an application's own tests: `import { startTestPouchgate } from 'pouchgate/testing'`. */
import { randomBytes } from 'node:crypto';
import jwt from 'jsonwebtoken';
import pino from 'pino';
import { readConfig } from './config.ts';
import { startPouchgate } from './start.ts';
import { startEmbeddedEngine } from './upstream/embedded.ts';

/** A stand-in for CouchDB in the memory of this process, on a loopback port of its own. */
export interface TestCouchdb {
  /** To be given to `createPouchgate` as `couchdb`. */
  readonly access: { readonly url: string; readonly username: string; readonly password: string };
  readonly close: () => Promise<void>;
}

export async function startTestCouchdb(): Promise<TestCouchdb> {
  const name = `pouchgate-${randomBytes(6).toString('hex')}`;
  const engine = await startEmbeddedEngine({ storage: { kind: 'memory', name } });
  return { access: engine.access, close: () => engine.close() };
}

export interface TestPouchgate {
  /** The server's origin, on a loopback port that the system chose. */
  readonly url: string;
  /** What PouchDB and `createPreferencesStore` replicate with. */
  readonly database: string;
  /** An access token of this user, good for an hour. No account is needed; their document is made at first use. */
  readonly token: (username: string) => string;
  readonly close: () => Promise<void>;
}

/** Starts a server with an engine in memory: nothing is left when it is closed. `env` goes over its environment. */
export async function startTestPouchgate(env: Readonly<Record<string, string>> = {}): Promise<TestPouchgate> {
  const couchdb = await startTestCouchdb();
  const secret = randomBytes(32).toString('base64url');
  const { url, username, password } = couchdb.access;
  try {
    const config = readConfig({
      COUCHDB_URL: url,
      COUCHDB_USER: username,
      COUCHDB_PASSWORD: password,
      JWT_SECRET: secret,
      REGISTRATION: 'open',
      PORT: '0',
      METRICS_PORT: 'off',
      DRAIN_SECONDS: '0',
      ...env,
    });
    const server = await startPouchgate({ config, log: pino({ level: env['LOG_LEVEL'] ?? 'silent' }) });
    return {
      url: server.url,
      database: `${server.url}/sync/${config.registry}`,
      token: (sub) => jwt.sign({ sub }, secret, { expiresIn: '1h' }),
      close: async () => {
        await server.close();
        await couchdb.close();
      },
    };
  } catch (error) {
    await couchdb.close();
    throw error;
  }
}
