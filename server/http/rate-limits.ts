import type { Request, RequestHandler, Response } from 'express';
import { rateLimit, type Store } from 'express-rate-limit';
import { parseUsername } from '../../couchdb-design/user-document/user-document.ts';
import { clientAddress } from './express-client-address.ts';
import { HttpError, limitedBy, sendError } from './errors.ts';
import { RateLimitStore } from './rate-limit-store.ts';

/** At most `limit` requests within `windowMs`. */
export interface RateLimit {
  readonly windowMs: number;
  readonly limit: number;
  /** Creates the counter of a route. Default: `createLocalStore`, which counts in this process only. */
  readonly createStore?: ((windowMs: number) => Store) | undefined;
}

/** Creates a counter in memory. */
export const createLocalStore = (windowMs: number): Store => new RateLimitStore(windowMs);

/** Attempts to sign in are not limited but delayed: see identity/attempts/policies.ts. */
export interface RateLimits {
  readonly registerByAddress: RateLimit;
  readonly registerByName: RateLimit;
  /** Only refreshes with a valid token are counted. A made-up one costs a signature, and counts for nobody. */
  readonly refreshBySession: RateLimit;
  readonly signOutBySession: RateLimit;
  /** Listing and ending sessions: each request reads the database. */
  readonly sessionsByName: RateLimit;
  /** Preferences over REST: each request costs one database read, or two reads and a write. */
  readonly preferencesByName: RateLimit;
  /** Link codes for Telegram. */
  readonly telegramCodeByName: RateLimit;
}

const MINUTE_MS = 60_000;

export const DEFAULT_RATE_LIMITS: RateLimits = {
  registerByAddress: { windowMs: 60 * MINUTE_MS, limit: 30 },
  registerByName: { windowMs: 60 * MINUTE_MS, limit: 60 },
  refreshBySession: { windowMs: 5 * MINUTE_MS, limit: 60 },
  signOutBySession: { windowMs: 5 * MINUTE_MS, limit: 20 },
  sessionsByName: { windowMs: MINUTE_MS, limit: 60 },
  preferencesByName: { windowMs: MINUTE_MS, limit: 300 },
  telegramCodeByName: { windowMs: 10 * MINUTE_MS, limit: 20 },
};

/** Limits by the client's address. */
export const limitByAddress = (limit: RateLimit): RequestHandler => limitByKey(limit, clientAddress);

/** Limits by the username in the body. An invalid username is not counted, because the request is rejected anyway. */
export const limitByName = (limit: RateLimit): RequestHandler =>
  limitByKey(limit, (req) => {
    const body: unknown = req.body;
    return typeof body === 'object' && body !== null && 'username' in body ? parseUsername(body.username) : undefined;
  });

/**
 * Limits by the key that `keyOf` returns; a request without a key is not counted. Beyond the limit it passes a 429 with
 * `Retry-After` to `send`.
 */
export function limitByKey(
  { windowMs, limit, createStore = createLocalStore }: RateLimit,
  keyOf: (req: Request) => string | undefined,
  send: (res: Response, error: HttpError) => void = sendError,
): RequestHandler {
  return rateLimit({
    store: createStore(windowMs),
    windowMs,
    limit,
    keyGenerator: (req) => keyOf(req) ?? '',
    skip: (req) => keyOf(req) === undefined,
    legacyHeaders: false,
    standardHeaders: false,
    // The check would log a warning for each client that sends such a header.
    validate: { xForwardedForHeader: false, forwardedHeader: false },
    handler: (req, res) => send(res, limitedBy('rate_limit', tooManyRequests(readWaitMs(req) ?? windowMs))),
  });
}

/** Returns the time until the end of the window. */
function readWaitMs(req: Request): number | undefined {
  const state: unknown = Reflect.get(req, 'rateLimit');
  const reset: unknown = typeof state === 'object' && state !== null ? Reflect.get(state, 'resetTime') : undefined;
  return reset instanceof Date ? reset.getTime() - Date.now() : undefined;
}

/** The 429 for a request that may be repeated in `waitMs`. */
export function tooManyRequests(waitMs: number): HttpError {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000));
  const reason = 'Too many attempts. Try again later.';
  return new HttpError(429, 'too_many_requests', reason, { 'Retry-After': String(seconds) });
}
