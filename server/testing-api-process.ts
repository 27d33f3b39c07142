/** The child process of `pouchgate/testing`: `testing-api-process couchdb|pouchgate`. It exits once its parent disconnects. */
import { randomBytes } from 'node:crypto';
import pino from 'pino';
import { readConfig } from './config/config.ts';
import { startPouchgate } from './app/start.ts';
import type { StartedForTests } from './testing-api-messages.ts';
import { loadEmbeddedEngine } from './upstream/embedded/load.ts';

interface RunningServer extends StartedForTests {
  readonly close: () => Promise<void>;
}

async function startCouchdb(): Promise<RunningServer> {
  const name = `pouchgate-${randomBytes(6).toString('hex')}`;
  const { startEmbeddedEngine } = await loadEmbeddedEngine();
  const engine = await startEmbeddedEngine({ storage: { kind: 'memory', name } });
  return { ...engine.access, registry: '', close: () => engine.close() };
}

async function startServer(env: NodeJS.ProcessEnv): Promise<RunningServer> {
  const couchdb = await startCouchdb();
  const config = readConfig({
    ...env,
    COUCHDB_URL: couchdb.url,
    COUCHDB_USER: couchdb.username,
    COUCHDB_PASSWORD: couchdb.password,
  });
  const server = await startPouchgate({ config, log: pino({ level: config.logLevel }, pino.destination(2)) });
  return {
    ...couchdb,
    url: server.url,
    registry: config.registry,
    close: async () => {
      await server.close();
      await couchdb.close();
    },
  };
}

const running = await (process.argv[2] === 'couchdb' ? startCouchdb() : startServer(process.env));
const stop = (): void => {
  running.close().then(
    () => process.exit(0),
    () => process.exit(1),
  );
};
process.once('disconnect', stop);
const { url, username, password, registry } = running;
process.send?.({ url, username, password, registry } satisfies StartedForTests);
// The parent may have exited before the listener was added.
if (!process.connected) stop();
