import { closeAfterTests } from '../../couchdb-design/testing/open-resources.ts';
import { createSecretKey, randomBytes } from 'node:crypto';
import jwt from 'jsonwebtoken';
import pino, { type Logger } from 'pino';
import { readConfig } from '../config/config.ts';
import { startRecorder, type RecordedRequest } from './request-recorder.ts';
import { TEST_PASSWORD_ITERATIONS } from './memory-engine.ts';
import { DEFAULT_RATE_LIMITS, type RateLimits } from '../http/rate-limits.ts';
import { startPouchgate, type Pouchgate } from '../app/start.ts';
import type { TelegramTimings } from '../telegram/telegram.ts';
import { connect, type UpstreamAccess } from '../upstream/client.ts';
import { startTestUpstream, type TestUpstream } from './test-database.ts';

interface JsonRequest {
  readonly method?: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A complete server for tests, on the upstream of `startTestUpstream`. */
export interface TestGate {
  /** The server's origin. */
  readonly url: string;
  /** URL of the database that clients replicate with. */
  readonly database: string;
  /** The running server, replaced by each `restart`. */
  readonly pouchgate: Pouchgate;
  readonly upstream: TestUpstream;
  /** All requests from the server to the upstream, the oldest first. Empty with the option `access`. */
  readonly upstreamRequests: readonly RecordedRequest[];
  /** Returns a token as an external identity provider issues it. `claims` override `sub` and `exp` (in one hour). */
  token(username: string, claims?: object): string;
  /** `fetch` of a path below the database's URL with the user's token. `body` is sent as JSON. */
  request(username: string, path: string, init?: JsonRequest): Promise<Response>;
  /** The registry with administrator's rights, without the gate. */
  registry(): ReturnType<ReturnType<typeof connect>['use']>;
  /** Restarts the server, and its own engine if it has one, with the same port and data. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** Rate limits that no test reaches by accident. */
const rateLimits = Object.fromEntries(
  Object.keys(DEFAULT_RATE_LIMITS).map((name) => [name, { windowMs: 60_000, limit: 10_000 }]),
) as unknown as RateLimits;

export interface TestGateOptions {
  /** Heartbeat of the upstream feeds, in ms. */
  readonly heartbeat?: number;
  readonly telegramTimes?: TelegramTimings;
  readonly log?: Logger;
  readonly rateLimits?: Partial<RateLimits>;
  /** The gate's clock, in ms since 1970. */
  readonly now?: () => number;
  /** Heartbeat of the preference streams, in ms. */
  readonly streamHeartbeatMs?: number;
  /** An upstream that outlives the gate. By default the gate starts and closes its own. */
  readonly upstream?: TestUpstream;
  /** The gate's access to that upstream, if it differs because of a proxy. */
  readonly access?: UpstreamAccess;
}

const sendJson = (url: string, token: string, { method = 'GET', body, headers }: JsonRequest): Promise<Response> =>
  fetch(url, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

/** Starts a server for tests. `env` overrides variables of its configuration, e.g. `CORS_ORIGINS`. */
export async function startTestGate(
  env: Readonly<Record<string, string>> = {},
  options: TestGateOptions = {},
): Promise<TestGate> {
  const { upstream = await startTestUpstream(), access, ...gateOptions } = options;
  const recorder = access === undefined ? await startRecorder(upstream.nextAccess().url) : undefined;
  const secret = randomBytes(32).toString('base64url');
  const key = createSecretKey(secret, 'utf8');
  const start = (port: string): Promise<Pouchgate> =>
    startPouchgate({
      ...gateOptions,
      passwordWork: upstream.kind === 'embedded' ? TEST_PASSWORD_ITERATIONS : undefined,
      config: readConfig({
        ...upstream.env(access ?? { ...upstream.access, url: recorder?.url ?? '' }),
        PORT: port,
        METRICS_PORT: 'off',
        DRAIN_SECONDS: '0',
        JWT_SECRET: secret,
        // Tokens expire to the second.
        JWT_LEEWAY_SECONDS: '0',
        ...env,
      }),
      log: options.log ?? pino({ level: 'silent' }),
      rateLimits: { ...rateLimits, ...options.rateLimits },
    });
  const closeUpstream = async (): Promise<void> => {
    await recorder?.close();
    if (options.upstream === undefined) await upstream.close();
  };
  let pouchgate = await start('0').catch(async (error: unknown) => {
    await closeUpstream();
    throw error;
  });
  const { url } = pouchgate;
  const database = `${url}/sync/${upstream.names.registry}`;
  const token = (username: string, claims: object = {}): string =>
    jwt.sign({ sub: username, exp: Math.floor(Date.now() / 1000) + 3600, ...claims }, key, { noTimestamp: true });

  return closeAfterTests({
    url,
    database,
    upstream,
    upstreamRequests: recorder?.requests ?? [],
    token,
    get pouchgate() {
      return pouchgate;
    },
    request: (username, path, init = {}) => sendJson(`${database}${path}`, token(username), init),
    registry: () => connect(pouchgate.upstream).use(upstream.names.registry),
    async restart() {
      await pouchgate.close();
      if (options.upstream === undefined) await upstream.restart();
      pouchgate = await start(new URL(url).port);
    },
    close: async () => {
      await pouchgate.close();
      await closeUpstream();
    },
  });
}
