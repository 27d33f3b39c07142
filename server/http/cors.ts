import type { IncomingMessage, ServerResponse } from 'node:http';
import cors from 'cors';
import type { Router } from 'express';
import { ID_REQUEST_HEADERS, ID_RESPONSE_HEADER } from './identify-request.ts';

/** What pages of other origins may send to one router, and read of its responses. */
export interface CorsOptions {
  /** The allowed origins. With none, the router sends no CORS headers. */
  readonly origins: readonly string[];
  readonly methods: readonly string[];
  readonly allowedHeaders: readonly string[];
  readonly exposedHeaders: readonly string[];
  /** Whether `Access-Control-Allow-Credentials` is sent. The default is false. */
  readonly credentials?: boolean;
}

/** The headers of every response that pages may read. By `Date` the client corrects the clock of its device. */
export const EXPOSED_HEADERS = [ID_RESPONSE_HEADER, 'date'];

/** How long a browser caches a preflight response, in seconds. Chromium caps it at 2 hours, Firefox at 24. */
const PREFLIGHT_MAX_AGE_SECONDS = 86_400;

/** Calls `next` once pages of the allowed origins may read the response, or answers a preflight request. */
export type Cors = (req: IncomingMessage, res: ServerResponse, next: () => void) => void;

/** Without other origins no request costs anything. */
const allowNone: Cors = (_req, _res, next) => next();

/**
 * Creates the handler that answers preflight requests and sends CORS headers, for the listed origins only. The headers that identify
 * a request are always allowed, and the response's `Date` is always exposed.
 */
export function createCors({
  origins,
  methods,
  allowedHeaders,
  exposedHeaders,
  credentials = false,
}: CorsOptions): Cors {
  if (origins.length === 0) return allowNone;
  return cors({
    origin: [...origins],
    methods: [...methods],
    allowedHeaders: [...allowedHeaders, ...ID_REQUEST_HEADERS],
    exposedHeaders: [...exposedHeaders, ...EXPOSED_HEADERS],
    maxAge: PREFLIGHT_MAX_AGE_SECONDS,
    credentials,
  });
}

/** Makes a router answer preflight requests and send CORS headers, for the listed origins only. */
export function useCors(router: Router, options: CorsOptions): void {
  if (options.origins.length > 0) router.use(createCors(options));
}

/**
 * Returns a handler for an error that precedes a router's own handlers: pages of the listed origins may read the response. It
 * answers preflight requests itself, so that the page's own request, and with it the error, follows.
 */
export function createErrorCors(origins: readonly string[]): Cors {
  if (origins.length === 0) return allowNone;
  return cors({ origin: [...origins], exposedHeaders: EXPOSED_HEADERS, credentials: true });
}
