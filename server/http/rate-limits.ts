import type { Request, RequestHandler, Response } from 'express';
import { ipKeyGenerator, rateLimit } from 'express-rate-limit';
import { parseUsername } from '../../couchdb-design/user-document/user-document.ts';
import { HttpError, sendError } from './errors.ts';

/** At most `limit` within `windowMs`. */
export interface RateLimit {
  readonly windowMs: number;
  readonly limit: number;
}

export interface RateLimits {
  readonly registerByAddress: RateLimit;
  readonly registerByName: RateLimit;
  readonly signInByAddress: RateLimit;
  /** Failures only: whoever knows the password is not counted. */
  readonly signInByName: RateLimit;
  /** Failures only: a whole office refreshes from one address. */
  readonly refreshByAddress: RateLimit;
  readonly refreshBySession: RateLimit;
  readonly signOutBySession: RateLimit;
  /** To see and end sessions: each is a read of the database. */
  readonly sessionsByName: RateLimit;
  /** By plain HTTP: each is a read of the database, or two and a write. */
  readonly preferencesByName: RateLimit;
  /** Codes for Telegram: nobody needs many. */
  readonly telegramCodeByName: RateLimit;
}

const MINUTE_MS = 60_000;

/**
 * One address is stopped before it can use up a name's failures, or else anyone could keep anyone from signing in.
 * A name's own limit is for guesses from many addresses.
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

/** A limit by the client's address; an IPv6 client has a whole subnet, which counts as one. */
export const limitByAddress = (limit: RateLimit, counted: 'all' | 'failures'): RequestHandler =>
  limitByKey(limit, counted, (req) => ipKeyGenerator(req.ip ?? 'unknown'));

/** A limit by the username in the body; a text that is no username is refused anyway, and not counted. */
export const limitByName = (limit: RateLimit, counted: 'all' | 'failures'): RequestHandler =>
  limitByKey(limit, counted, (req) => {
    const body: unknown = req.body;
    return typeof body === 'object' && body !== null && 'username' in body ? parseUsername(body.username) : undefined;
  });

/**
 * Counts by `keyOf`; a request without a key is not counted. Beyond the limit: 429 with `Retry-After`, as `send` puts it on
 * the wire.
 */
export function limitByKey(
  { windowMs, limit }: RateLimit,
  counted: 'all' | 'failures',
  keyOf: (req: Request) => string | undefined,
  send: (res: Response, error: HttpError) => void = sendError,
): RequestHandler {
  return rateLimit({
    windowMs,
    limit,
    keyGenerator: (req) => keyOf(req) ?? '',
    skip: (req) => keyOf(req) === undefined,
    skipSuccessfulRequests: counted === 'failures',
    // A database that is down is not a guess.
    requestWasSuccessful: (_req, res) => res.statusCode < 400 || res.statusCode >= 500,
    legacyHeaders: false,
    standardHeaders: false,
    // It would print a warning whenever a client sends such a header by itself.
    validate: { xForwardedForHeader: false, forwardedHeader: false },
    handler: (req, res) => send(res, tooManyRequests(req, windowMs)),
  });
}

function tooManyRequests(req: Request, windowMs: number): HttpError {
  const state: unknown = Reflect.get(req, 'rateLimit');
  const reset: unknown = typeof state === 'object' && state !== null ? Reflect.get(state, 'resetTime') : undefined;
  const waitMs = reset instanceof Date ? reset.getTime() - Date.now() : windowMs;
  const seconds = Math.max(1, Math.ceil(waitMs / 1000));
  const reason = 'Too many attempts. Wait a while, then try again.';
  return new HttpError(429, 'too_many_requests', reason, { 'Retry-After': String(seconds) });
}
