import { randomBytes } from 'node:crypto';
import type { Router } from 'express';
import type { Logger } from 'pino';
import type { UserDocumentId, Username } from '../../couchdb-design/user-document/user-document.ts';
import type { Config, TokenConfig } from '../config/config.ts';
import type { Upstream } from '../upstream/client.ts';
import type { FeedListener } from '../upstream/feed/listener.ts';
import { logFailedBatches } from '../upstream/report-batches.ts';
import { createAccounts, type Accounts } from './accounts/accounts.ts';
import { createBearerAuthenticator, parseBearerToken, type BearerAuthenticator } from './http/authenticate-bearer.ts';
import { createCookieAuthenticator, type CookieAuthenticator } from './http/authenticate-cookie.ts';
import { DEFAULT_RATE_LIMITS, type RateLimits } from '../http/rate-limits.ts';
import { requestIds } from '../http/request-context.ts';
import { createRefreshTokens, type RefreshTokens } from './sessions/refresh-token.ts';
import { AccessMonitor } from './access/access-monitor.ts';
import { AttemptCounters, createDigest } from './attempts/attempt-counters.ts';
import { SignInAttempts, type SignInOutcome } from './attempts/attempts.ts';
import { createDeviceTokens } from './attempts/device-tokens.ts';
import { AttemptsExchange } from './attempts/exchange.ts';
import { createDeviceCookie } from './http/device-cookie.ts';
import { createOwnOriginCheck } from './http/own-origin.ts';
import { createRefreshCookie } from './http/refresh-cookie.ts';
import { createAuthRoutes } from './http/routes.ts';
import { COUCHDB_WORK, EMBEDDED_WORK, type Work } from './passwords/hash-work.ts';
import { loadOrCreateSecret } from './tokens/secret-file.ts';
import { createSessionStore } from './sessions/store.ts';
import { createSessions, type Sessions } from './sessions/sessions.ts';
import { createKeyFinder } from './tokens/provider-keys.ts';
import { createTokens, type SignToken } from './tokens/tokens.ts';
import { VerificationCache } from './tokens/verification-cache.ts';

export interface IdentityOptions {
  readonly config: Pick<
    Config,
    'tokens' | 'registration' | 'registry' | 'sessions' | 'publicUrl' | 'telegram' | 'upstream'
  >;
  readonly idOf: (username: Username) => UserDocumentId;
  /** An upstream whose databases already exist. */
  readonly upstream: Upstream;
  /** Called after an account is created and before the response is sent. */
  readonly onRegistered: (username: Username) => Promise<void>;
  readonly log: IdentityLog;
  /** The default is `DEFAULT_RATE_LIMITS`. */
  readonly rateLimits?: RateLimits;
  /** Called with the outcome of each attempt to sign in. */
  readonly onSignIn?: ((outcome: SignInOutcome) => void) | undefined;
  /** The work of the accounts that the database creates. The default is that of the configured upstream. */
  readonly passwordWork?: Work | undefined;
  /** Receives the connection state of the sessions database's change feed. */
  readonly feedListener?: FeedListener;
  /** The heartbeat of that feed, in ms. */
  readonly heartbeat?: number | undefined;
  /** The time in ms. The default is `Date.now`. */
  readonly now?: (() => number) | undefined;
}

const WEAK_KEYS =
  'RSA keys of JWKS_URL with fewer than 2,048 bits are refused, and the tokens that they sign. Configure the provider to sign with another key.';

/** The part of pino's logger that is used. */
type IdentityLog = Pick<Logger, 'debug' | 'warn' | 'error'>;

/** The identity module: accounts, sessions, and the authentication of every request. */
export interface Identity {
  /** Mount it at `/api/auth`. It responds to every request, so no handler after it is called. */
  readonly router: Router;
  readonly authenticate: BearerAuthenticator;
  /** Returns the user of an `Authorization` header whose token was verified within the last minute. It grants nothing. */
  readonly recentUserOf: (authorization: string) => Username | undefined;
  /** Authenticates by the session cookie, only for a page's EventSource; see authenticate-cookie.ts. */
  readonly authenticateCookie: CookieAuthenticator;
  readonly accessMonitor: AccessMonitor;
  readonly accounts: Accounts;
  readonly sessions: Sessions;
  /** Undefined when another identity provider issues the tokens. */
  readonly sign: SignToken | undefined;
  close(): void;
}

/**
 * Creates the identity module and starts following the sessions database.
 *
 * @throws Error when the secret's file cannot be read or created.
 */
export async function createIdentity(options: IdentityOptions): Promise<Identity> {
  const { config, idOf, log, now = Date.now } = options;
  const secrets = await resolveSecrets(config.tokens);
  const findKey = createKeyFinder(config.tokens.provider, {
    now,
    onFailure: (reason) => log.warn({ reason }, 'The key set of JWKS_URL cannot be read.'),
    onWeakKeys: (count) => log.warn({ count }, WEAK_KEYS),
  });
  const { verify, sign } = createTokens({ ...config.tokens, secrets, findKey, now });
  // Without a secret there are no refresh tokens. A random key makes sure that none verifies.
  const [first = randomBytes(32).toString('base64url'), ...others] = secrets;
  const keys = [first, ...others] as const;
  const { accessMonitor, accounts, sessions, refreshTokens, attempts, exchange } = createUsers(options, keys, now);
  const verified = new VerificationCache({ verify, now });
  const authenticate = createBearerAuthenticator({ verify: verified.verify, accessMonitor, idOf });
  const isSecure = config.publicUrl?.startsWith('https:') ?? false;
  const cookie = createRefreshCookie(isSecure, refreshTokens);
  const assertOwnOrigin = createOwnOriginCheck(config.publicUrl);
  const router = createAuthRoutes({
    registration: config.registration,
    telegram: config.telegram !== undefined,
    accounts,
    attempts,
    sessions,
    refreshTokens,
    sign,
    authenticate,
    assertOwnOrigin,
    cookie,
    deviceCookie: createDeviceCookie(isSecure, createDeviceTokens(keys), now),
    limits: options.rateLimits ?? DEFAULT_RATE_LIMITS,
    onRegistered: options.onRegistered,
    onError: (error, res) => log.error({ ...requestIds(res), err: error }, 'A sign-in route failed.'),
  });
  const authenticateCookie = createCookieAuthenticator({ cookie, assertOwnOrigin, sessions, accessMonitor, idOf });
  return {
    router,
    authenticate,
    recentUserOf: (authorization) => {
      const token = parseBearerToken(authorization);
      return token === undefined ? undefined : verified.find(token)?.username;
    },
    authenticateCookie,
    accessMonitor,
    accounts,
    sessions,
    sign,
    close: () => {
      exchange.close();
      accessMonitor.close();
    },
  };
}

interface Users {
  readonly accessMonitor: AccessMonitor;
  readonly refreshTokens: RefreshTokens;
  readonly sessions: Sessions;
  readonly accounts: Accounts;
  readonly attempts: SignInAttempts;
  readonly exchange: AttemptsExchange;
}

/** Creates accounts and sessions, and the monitor that learns of each change to them at once. */
function createUsers(options: IdentityOptions, secrets: readonly [string, ...string[]], now: () => number): Users {
  const { config, idOf, upstream, log } = options;
  const { access, couch } = upstream;
  const counters = new AttemptCounters(now);
  const exchange = new AttemptsExchange({
    couch,
    database: config.sessions,
    counters,
    now,
    onError: (error) => log.warn({ err: error }, 'Failed sign-ins could not be exchanged with other gates.'),
  });
  const attempts = new SignInAttempts({
    counters,
    digest: createDigest(secrets[0]),
    now,
    onOutcome: (outcome) => {
      if (outcome === 'wrong') exchange.publishSoon();
      options.onSignIn?.(outcome);
    },
  });
  const accessMonitor = new AccessMonitor({
    couch,
    access,
    database: config.sessions,
    now,
    heartbeatMs: options.heartbeat,
    feedListener: options.feedListener,
    onBatch: logFailedBatches(log, 'facts'),
    onRow: (row) => exchange.onRow(row),
  });
  const store = createSessionStore(couch, config.sessions, (session) => accessMonitor.recordSession(session));
  const refreshTokens = createRefreshTokens(secrets);
  const sessions = createSessions({ store, refreshTokens, now });
  const accounts = createAccounts({
    upstream,
    registry: config.registry,
    idOf,
    sessionsDatabase: config.sessions,
    sessions,
    onSuspension: (username, isSuspended) => accessMonitor.recordSuspension(username, isSuspended),
    now,
    passwordWork: options.passwordWork ?? (config.upstream.kind === 'embedded' ? EMBEDDED_WORK : COUCHDB_WORK),
  });
  return { accessMonitor, refreshTokens, sessions, accounts, attempts, exchange };
}

/** Returns the gate's secrets. The first one signs. */
async function resolveSecrets({ secret }: TokenConfig): Promise<readonly string[]> {
  switch (secret.kind) {
    case 'given':
      return secret.values;
    case 'kept':
      return [await loadOrCreateSecret(secret.directory)];
    case 'none':
      return [];
  }
}
