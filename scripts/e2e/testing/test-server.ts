/** What the tests of client and server together share: the whole server on a port, and browsers' worth of stores. */
import '../../test/jest-setup.ts';
import jwt from 'jsonwebtoken';
import pino from 'pino';
import memoryAdapter from 'pouchdb-adapter-memory';
import PouchDB from 'pouchdb-browser';
import type { OpenDatabase } from '../../../client/index.ts';
import { readConfig } from '../../../server/config/config.ts';
import type { StartOptions } from '../../../server/app/start-context.ts';
import { startPouchgate, type Pouchgate } from '../../../server/app/start.ts';
import { startTestUpstream, type TestUpstream } from '../../../server/testing/test-database.ts';

PouchDB.plugin(memoryAdapter);

const SECRET = 'a secret for tests, and for nothing else at all';

export interface TestServer {
  readonly url: string;
  readonly registryUrl: string;
  readonly pouchgate: () => Pouchgate;
  /** Ends the process's server and starts another one at the same address, on the same data. */
  readonly restart: () => Promise<void>;
  readonly stop: () => Promise<void>;
  /** Stops it, and lets go of its database too. */
  readonly close: () => Promise<void>;
  readonly start: () => Promise<void>;
  /** As `start`, on a database that has lost everything. */
  readonly startEmpty: () => Promise<void>;
  /** A name for an account that nobody else has, where accounts are shared. */
  readonly accountName: (name: string) => string;
  /** What an operator's command has for its environment. */
  readonly env: () => Readonly<Record<string, string>>;
  /** A token as an identity provider would give one. `seconds` may be negative: then it is over. */
  readonly token: (username: string, seconds?: number) => string;
}

export interface TestServerOptions extends Pick<StartOptions, 'page' | 'rateLimits'> {
  /** Does what was there before there was a gate. */
  readonly prepareUpstream?: (upstream: TestUpstream) => Promise<unknown>;
  /** What goes over the configuration for tests. */
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
        LOG_LEVEL: 'silent',
        ...env,
      }),
      log: pino({ level: 'silent' }),
      ...options,
    });
  let running = await start(0);
  const { url } = running;
  const stop = (): Promise<void> => running.close();
  const startAgain = async (): Promise<void> => {
    running = await start(Number(new URL(url).port));
  };
  return {
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
    token: (username, seconds = 3_600) => jwt.sign({ sub: username }, SECRET, { expiresIn: seconds }),
  };
}

let browserCount = 0;

/**
 * The local databases of one browser, in memory: what is opened twice under one name is the same. Unlike in a browser nothing
 * is compacted: PouchDB's LevelDB adapters read in several steps, and a live feed that finds a body gone between two of
 * them throws where nobody can catch it.
 */
export function createInMemoryBrowser(): OpenDatabase {
  browserCount += 1;
  const prefix = `browser-${browserCount}-`;
  return (name) => new PouchDB(prefix + name, { adapter: 'memory' });
}

/** In ms: nothing takes this long that has not gone wrong. */
const WAIT_TIMEOUT_MS = 60_000;

/**
 * Resolved as soon as `holds`, asked at every change that `subscribe` tells of; rejected with what `found` says when that
 * has not come in a minute.
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
      reject(new Error(`Not within ${WAIT_TIMEOUT_MS} ms: ${describeFound()}`));
    }, WAIT_TIMEOUT_MS);
    const unsubscribe = subscribe(check);
    check();
  });
}
