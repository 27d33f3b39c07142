import { randomBytes } from 'node:crypto';
import jwt from 'jsonwebtoken';
import pino from 'pino';
import { readConfig } from './config.ts';
import { DEFAULT_RATE_LIMITS, type RateLimits } from './identity/rate-limits.ts';
import { startPouchgate, type Pouchgate } from './start.ts';
import { connect } from './upstream/couch.ts';
import type { EngineRequest } from './upstream/embedded.ts';

/** A whole server on the embedded engine in memory, for tests. */
export interface TestGate {
  /** The server's origin. */
  readonly url: string;
  /** What a client replicates with. */
  readonly database: string;
  /** The running server; another one after each `restart`. */
  readonly pouchgate: Pouchgate;
  /** Every request that the engine got, the oldest first. */
  readonly upstreamRequests: readonly EngineRequest[];
  /** A token as another identity provider would issue it; `claims` go over `sub` and `exp` (in one hour). */
  token(username: string, claims?: object): string;
  /** `fetch` below the database's URL with the user's token; `body` is sent as JSON. */
  request(
    username: string,
    path: string,
    init?: { method?: string; body?: unknown; headers?: Record<string, string> },
  ): Promise<Response>;
  /** The registry as its administrator sees it, not through the gate. */
  registry(): ReturnType<ReturnType<typeof connect>['use']>;
  /** Stops the server and its engine and starts them anew: same port, same data. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** Limits that no test meets by chance. */
const rateLimits = Object.fromEntries(
  Object.keys(DEFAULT_RATE_LIMITS).map((name) => [name, { windowMs: 60_000, limit: 10_000 }]),
) as unknown as RateLimits;

/** `env` goes over the configuration for tests, e.g. `CORS_ORIGINS`; `heartbeat` is that of the feeds, in ms. */
export async function startForTests(
  env: Readonly<Record<string, string>> = {},
  options: { readonly heartbeat?: number } = {},
): Promise<TestGate> {
  const secret = randomBytes(32).toString('base64url');
  const storage = { kind: 'memory', name: `test-${randomBytes(8).toString('hex')}` } as const;
  const upstreamRequests: EngineRequest[] = [];
  const start = (port: string): Promise<Pouchgate> =>
    startPouchgate({
      ...options,
      config: readConfig({ PORT: port, METRICS_PORT: 'off', DRAIN_SECONDS: '0', JWT_SECRET: secret, ...env }),
      log: pino({ level: 'silent' }),
      storage,
      onEngineRequest: (request) => upstreamRequests.push(request),
      rateLimits,
    });
  let pouchgate = await start('0');
  const { url } = pouchgate;
  const database = `${url}/sync/user_registry`;
  const token = (username: string, claims: object = {}): string =>
    jwt.sign({ sub: username, exp: Math.floor(Date.now() / 1000) + 3600, ...claims }, secret, { noTimestamp: true });

  return {
    url,
    database,
    upstreamRequests,
    token,
    get pouchgate() {
      return pouchgate;
    },
    request: (username, path, { method = 'GET', body, headers = {} } = {}) =>
      fetch(`${database}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${token(username)}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    registry: () => connect(pouchgate.upstream).use('user_registry'),
    async restart() {
      await pouchgate.close();
      pouchgate = await start(new URL(url).port);
    },
    close: () => pouchgate.close(),
  };
}
