/** The child process of `pouchgate/testing`: `testing-api-process couchdb|pouchgate`. */
import { randomBytes } from 'node:crypto';
import { serveParent, type StartedServer } from './lib/serve-parent.ts';
import type { StartedForTests } from './testing-api-messages.ts';
import { loadEmbeddedEngine } from './upstream/embedded/load.ts';

/** The passwords are a test's and are kept in memory only, so signing in may cost little. */
const PASSWORD_ITERATIONS = 1_000;

async function startCouchdb(): Promise<StartedServer<StartedForTests>> {
  const name = `pouchgate-${randomBytes(6).toString('hex')}`;
  const { startEmbeddedEngine } = await loadEmbeddedEngine();
  const engine = await startEmbeddedEngine({
    storage: { kind: 'memory', name },
    passwordIterations: PASSWORD_ITERATIONS,
  });
  return { started: { ...engine.access, registry: '' }, close: () => engine.close() };
}

async function startServer(env: NodeJS.ProcessEnv): Promise<StartedServer<StartedForTests>> {
  // Imported here, so that a CouchDB without a gate starts faster.
  const [{ readConfig }, { startPouchgate }, { default: pino }] = await Promise.all([
    import('./config/config.ts'),
    import('./app/start.ts'),
    import('pino'),
  ]);
  const couchdb = await startCouchdb();
  const config = readConfig({
    ...env,
    COUCHDB_URL: couchdb.started.url,
    COUCHDB_USER: couchdb.started.username,
    COUCHDB_PASSWORD: couchdb.started.password,
  });
  const server = await startPouchgate({ config, log: pino({ level: config.logLevel }, pino.destination(2)) });
  return {
    started: { ...couchdb.started, url: server.url, registry: config.registry },
    close: async () => {
      await server.close();
      await couchdb.close();
    },
  };
}

await serveParent(() => (process.argv[2] === 'couchdb' ? startCouchdb() : startServer(process.env)));
