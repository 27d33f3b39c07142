import { randomBytes } from 'node:crypto';
import type { Router } from 'express';
import type { UserDocumentId, Username } from '../../couchdb-design/user-document/user-document.ts';
import type { Config, TokenConfig } from '../config/config.ts';
import type { Upstream } from '../upstream/client.ts';
import type { FeedListener } from '../upstream/feed/listener.ts';
import { createAccounts, type Accounts } from './accounts/accounts.ts';
import { createBearerAuthenticator, type BearerAuthenticator } from './http/authenticate-bearer.ts';
import { createCookieAuthenticator, type CookieAuthenticator } from './http/authenticate-cookie.ts';
import { DEFAULT_RATE_LIMITS, type RateLimits } from '../http/rate-limits.ts';
import { createRefreshCookie } from './sessions/refresh-cookie.ts';
import { createRefreshTokens } from './sessions/refresh-token.ts';
import { createAccessMonitor, type AccessMonitor } from './access/access-monitor.ts';
import { createAuthRoutes } from './http/routes.ts';
import { loadOrCreateSecret } from './tokens/secret-file.ts';
import { createSessionStore } from './sessions/store.ts';
import { createSessions, type Sessions } from './sessions/sessions.ts';
import { createKeyFinder } from './tokens/provider-keys.ts';
import { createTokens, type SignToken } from './tokens/tokens.ts';
import { cacheVerification } from './tokens/verification-cache.ts';

export interface IdentityOptions {
  readonly config: Pick<Config, 'tokens' | 'registration' | 'registry' | 'sessions' | 'publicUrl' | 'telegram'>;
  readonly idOf: (username: Username) => UserDocumentId;
  /** Already set up. */
  readonly upstream: Upstream;
  /** Called once an account is made, before its owner is answered. */
  readonly onRegistered: (username: Username) => Promise<void>;
  readonly log: IdentityLog;
  readonly rateLimits?: RateLimits;
  /** Hears how the feed is that tells of ended rights. */
  readonly feedListener?: FeedListener;
  /** Of that feed, in ms. */
  readonly heartbeat?: number | undefined;
  /** The time in ms. */
  readonly now?: () => number;
}

/** The part of pino's logger that is used. */
interface IdentityLog {
  error(details: object, message: string): void;
}

/** Who is who: sign-in, and the proof of every request. */
export interface Identity {
  /** To be mounted at `/api/auth`. It answers everything below, so nothing after it is reached. */
  readonly router: Router;
  readonly authenticate: BearerAuthenticator;
  /** By the session's cookie, for a page's EventSource alone: see cookie-caller.ts. */
  readonly authenticateCookie: CookieAuthenticator;
  readonly accessMonitor: AccessMonitor;
  readonly accounts: Accounts;
  readonly sessions: Sessions;
  /** Undefined when another identity provider signs people in. */
  readonly sign: SignToken | undefined;
  close(): void;
}

/** Wires the identity module. Rejects when the secret's file cannot be read or made. */
export async function createIdentity(options: IdentityOptions): Promise<Identity> {
  const { config, idOf, upstream, onRegistered, log, rateLimits = DEFAULT_RATE_LIMITS, now = Date.now } = options;
  const { access, couch } = upstream;
  const secrets = await resolveSecrets(config.tokens);
  const { usernameClaim, issuer, audience } = config.tokens;
  const findKey = createKeyFinder(config.tokens.provider, now);
  const tokens = createTokens({ secrets, findKey, usernameClaim, issuer, audience, now });

  const accessMonitor = createAccessMonitor({
    couch,
    access,
    database: config.sessions,
    now,
    heartbeatMs: options.heartbeat,
    feedListener: options.feedListener,
  });
  const store = createSessionStore(couch, config.sessions, (session) => accessMonitor.recordSession(session));
  // Without a secret there are no refresh tokens; a key that nobody knows makes sure of it.
  const refreshTokens = createRefreshTokens(secrets.length > 0 ? secrets : [randomBytes(32).toString('base64url')]);
  const sessions = createSessions({ store, refreshTokens, now });
  const { registry } = config;
  const accounts = createAccounts({
    upstream,
    registry,
    idOf,
    sessionsDatabase: config.sessions,
    sessions,
    onSuspension: (username, isSuspended) => accessMonitor.recordSuspension(username, isSuspended),
    now,
  });
  const authenticate = createBearerAuthenticator({
    verify: cacheVerification({ verify: tokens.verify, now }),
    accessMonitor,
    idOf,
  });

  const cookie = createRefreshCookie(config.publicUrl?.startsWith('https:') ?? false);
  const router = createAuthRoutes({
    registration: config.registration,
    telegram: config.telegram !== undefined,
    accounts,
    sessions,
    refreshTokens,
    sign: tokens.sign,
    authenticate,
    cookie,
    limits: rateLimits,
    onRegistered,
    onError: (error) => log.error({ err: error }, 'A sign-in route failed.'),
  });
  const authenticateCookie = createCookieAuthenticator({ cookie, sessions, accessMonitor, idOf });
  return {
    router,
    authenticate,
    authenticateCookie,
    accessMonitor,
    accounts,
    sessions,
    sign: tokens.sign,
    close: () => accessMonitor.close(),
  };
}

/** The first one signs. */
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
