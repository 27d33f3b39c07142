/** The whole server on a loopback port, and in-memory browsers, for end-to-end tests. */
import { closeAfterTests } from '../../../couchdb-design/testing/open-resources.ts';
import { MAX_WAIT_MS } from '../../../couchdb-design/testing/patience.ts';
import '../../test/jest-setup.ts';
import { createSecretKey } from 'node:crypto';
import jwt from 'jsonwebtoken';
import pino from 'pino';
import memoryAdapter from 'pouchdb-adapter-memory';
import PouchDB from 'pouchdb-browser';
import { LOCAL_REVS_LIMIT, type Database } from '../../../client/platform/database.ts';
import { readConfig } from '../../../server/config/config.ts';
import type { StartOptions } from '../../../server/app/start-context.ts';
import { startPouchgate, type Pouchgate } from '../../../server/app/start.ts';
import { startTestUpstream, type TestUpstream } from '../../../server/testing/test-database.ts';
import { TEST_PASSWORD_ITERATIONS } from '../../../server/testing/memory-engine.ts';

PouchDB.plugin(memoryAdapter);

const SECRET = 'a secret for tests, and for nothing else at all';
const KEY = createSecretKey(SECRET, 'utf8');

export interface TestServer {
  readonly url: string;
  readonly registryUrl: string;
  readonly pouchgate: () => Pouchgate;
  /** Stops the server and starts another at the same URL with the same data. */
  readonly restart: () => Promise<void>;
  readonly stop: () => Promise<void>;
  /** Stops the server and closes its database. */
  readonly close: () => Promise<void>;
  readonly start: () => Promise<void>;
  /** As `start`, with an empty database. */
  readonly startEmpty: () => Promise<void>;
  /** Returns an account name that is unique, also on an upstream that tests share. */
  readonly accountName: (name: string) => string;
  /** The environment variables of an operator's command. */
  readonly env: () => Readonly<Record<string, string>>;
  /** Returns a token as an identity provider would issue it. With negative `seconds` it has expired. */
  readonly token: (username: string, seconds?: number) => string;
}

export interface TestServerOptions extends Pick<StartOptions, 'page' | 'rateLimits'> {
  /** Prepares the databases before the server starts for the first time. */
  readonly prepareUpstream?: (upstream: TestUpstream) => Promise<unknown>;
  /** Overrides the configuration for tests. */
  readonly env?: Readonly<Record<string, string>>;
}

export async function startTestServer({
  prepareUpstream,
  env = {},
  ...options
}: TestServerOptions = {}): Promise<TestServer> {
  const upstream = await startTestUpstream();
  await prepareUpstream?.(upstream);
  const start = (port: number): Promise<Pouchgate> =>
    startPouchgate({
      config: readConfig({
        ...upstream.env(upstream.nextAccess()),
        PORT: String(port),
        METRICS_PORT: 'off',
        DRAIN_SECONDS: '0',
        JWT_SECRET: SECRET,
        // Tests wait for the expiry of their tokens.
        JWT_LEEWAY_SECONDS: '0',
        LOG_LEVEL: 'silent',
        ...env,
      }),
      log: pino({ level: 'silent' }),
      passwordWork: upstream.kind === 'embedded' ? TEST_PASSWORD_ITERATIONS : undefined,
      ...options,
    });
  let running = await start(0);
  const { url } = running;
  const stop = (): Promise<void> => running.close();
  const startAgain = async (): Promise<void> => {
    running = await start(Number(new URL(url).port));
  };
  return closeAfterTests({
    url,
    registryUrl: `${url}/sync/${upstream.names.registry}`,
    pouchgate: () => running,
    stop,
    start: startAgain,
    startEmpty: async () => {
      await upstream.dropDatabases();
      await startAgain();
    },
    close: async () => {
      await stop();
      await upstream.close();
    },
    accountName: (name) => upstream.accountName(name),
    env: () => ({ ...upstream.env(), JWT_SECRET: SECRET }),
    restart: async () => {
      await stop();
      await upstream.restart();
      await startAgain();
    },
    token: (username, seconds = 3_600) => jwt.sign({ sub: username }, KEY, { expiresIn: seconds }),
  });
}

let browserCount = 0;

/** Opens a database at once, unlike an OpenDatabase in general. */
export type OpenTestDatabase = (name: string) => Database;

/**
 * Returns the in-memory databases of one browser: opening one name twice gives the same database. Unlike in a browser they
 * are not compacted: PouchDB's LevelDB adapters read in several steps, and a live feed whose revision is compacted between
 * two of them throws an error that cannot be caught.
 */
export function createInMemoryBrowser(): OpenTestDatabase {
  browserCount += 1;
  const prefix = `browser-${browserCount}-`;
  return (name) => new PouchDB(prefix + name, { adapter: 'memory', revs_limit: LOCAL_REVS_LIMIT });
}

/**
 * Resolves when `predicate` returns true; it is called at once and after every change that `subscribe` reports. Rejects after
 * a minute with the text of `describeFound`.
 */
export function waitForCondition(
  subscribe: (listener: () => void) => () => void,
  predicate: () => boolean,
  describeFound: () => string = () => predicate.toString(),
): Promise<void> {
  return new Promise((resolve, reject) => {
    const check = (): void => {
      if (!predicate()) return;
      clearTimeout(timeout);
      unsubscribe();
      resolve();
    };
    const timeout = setTimeout(() => {
      unsubscribe();
      reject(new Error(`Timed out after ${MAX_WAIT_MS} ms: ${describeFound()}`));
    }, MAX_WAIT_MS);
    const unsubscribe = subscribe(check);
    check();
  });
}
