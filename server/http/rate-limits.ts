import { isIP } from 'node:net';
import type { Request, RequestHandler, Response } from 'express';
import { ipKeyGenerator, MemoryStore, rateLimit } from 'express-rate-limit';
import { parseUsername } from '../../couchdb-design/user-document/user-document.ts';
import { HttpError, limitedBy, sendError } from './errors.ts';
import { withoutPort } from './trusted-proxies.ts';

/** At most `limit` requests within `windowMs`. */
export interface RateLimit {
  readonly windowMs: number;
  readonly limit: number;
}

export interface RateLimits {
  readonly registerByAddress: RateLimit;
  readonly registerByName: RateLimit;
  readonly signInByAddress: RateLimit;
  /** Counts failures only, so a user with the right password is never limited. */
  readonly signInByName: RateLimit;
  /** Counts failures only, because a whole office may refresh from one address. */
  readonly refreshByAddress: RateLimit;
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

/**
 * The limit by address is lower than the limit by name. Otherwise one client could exhaust a name's failures and lock its
 * owner out. The limit by name stops guesses from many addresses.
 */
export const DEFAULT_RATE_LIMITS: RateLimits = {
  registerByAddress: { windowMs: 60 * MINUTE_MS, limit: 30 },
  registerByName: { windowMs: 60 * MINUTE_MS, limit: 60 },
  signInByAddress: { windowMs: 5 * MINUTE_MS, limit: 30 },
  signInByName: { windowMs: 5 * MINUTE_MS, limit: 60 },
  refreshByAddress: { windowMs: 5 * MINUTE_MS, limit: 60 },
  refreshBySession: { windowMs: 5 * MINUTE_MS, limit: 60 },
  signOutBySession: { windowMs: 5 * MINUTE_MS, limit: 20 },
  sessionsByName: { windowMs: MINUTE_MS, limit: 60 },
  preferencesByName: { windowMs: MINUTE_MS, limit: 300 },
  telegramCodeByName: { windowMs: 10 * MINUTE_MS, limit: 20 },
};

/** Limits by the client's address. All addresses of an IPv6 subnet count as one. */
export const limitByAddress = (limit: RateLimit, counted: 'all' | 'failures'): RequestHandler =>
  limitByKey(limit, counted, (req) => addressKey(req.ip ?? ''));

/** All texts that are not addresses share one key, so that a made-up text in `X-Forwarded-For` is not a new client. */
function addressKey(forwarded: string): string {
  const address = withoutPort(forwarded);
  return isIP(address) === 0 ? 'unknown' : ipKeyGenerator(address);
}

/** Limits by the username in the body. An invalid username is not counted, because the request is rejected anyway. */
export const limitByName = (limit: RateLimit, counted: 'all' | 'failures'): RequestHandler =>
  limitByKey(limit, counted, (req) => {
    const body: unknown = req.body;
    return typeof body === 'object' && body !== null && 'username' in body ? parseUsername(body.username) : undefined;
  });

/**
 * Limits by the key that `keyOf` returns; a request without a key is not counted. Beyond the limit it passes a 429 with
 * `Retry-After` to `send`.
 */
export function limitByKey(
  { windowMs, limit }: RateLimit,
  counted: 'all' | 'failures',
  keyOf: (req: Request) => string | undefined,
  send: (res: Response, error: HttpError) => void = sendError,
): RequestHandler {
  const store = new MemoryStore();
  return rateLimit({
    store,
    windowMs,
    limit,
    keyGenerator: (req) => keyOf(req) ?? '',
    skip: (req) => keyOf(req) === undefined,
    skipSuccessfulRequests: counted === 'failures',
    // A 5xx is not a failed guess.
    requestWasSuccessful: (_req, res) => res.statusCode < 400 || res.statusCode >= 500,
    legacyHeaders: false,
    standardHeaders: false,
    // The check would log a warning for each client that sends such a header.
    validate: { xForwardedForHeader: false, forwardedHeader: false },
    handler: (req, res, next) => {
      const waitMs = readWaitMs(req) ?? windowMs;
      // The clock was set back: the window would end only when it has reached the old time again.
      if (waitMs > windowMs + MINUTE_MS) void store.resetAll().then(() => next());
      else send(res, limitedBy('rate_limit', tooManyRequests(waitMs)));
    },
  });
}

/** Returns the time until the end of the window. */
function readWaitMs(req: Request): number | undefined {
  const state: unknown = Reflect.get(req, 'rateLimit');
  const reset: unknown = typeof state === 'object' && state !== null ? Reflect.get(state, 'resetTime') : undefined;
  return reset instanceof Date ? reset.getTime() - Date.now() : undefined;
}

function tooManyRequests(waitMs: number): HttpError {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000));
  const reason = 'Too many attempts. Try again later.';
  return new HttpError(429, 'too_many_requests', reason, { 'Retry-After': String(seconds) });
}
