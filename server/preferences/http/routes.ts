import type { ServerResponse } from 'node:http';
import express, { Router, type Request, type Response } from 'express';
import type { Caller } from '../../http/caller.ts';
import { useCors } from '../../http/cors.ts';
import { notFound } from '../../http/errors.ts';
import { verifyJson } from '../../http/json-body.ts';
import { sendProblem, problemErrorHandler } from '../../http/problem-details.ts';
import { limitByKey, type RateLimit } from '../../http/rate-limits.ts';
import { createCallerContext, methodNotAllowedHandler } from '../../http/routing.ts';
import type { PreferenceStreams } from '../stream/open-stream.ts';
import { parseStreamRequest } from '../stream/parse-request.ts';
import { PreferenceHandlers, type PreferenceHandlersOptions } from './handlers.ts';
import { assertBodyAvailable, JSON_TYPES } from './request.ts';

export interface PreferenceRoutesOptions<P extends object> extends Omit<PreferenceHandlersOptions<P>, 'requireCaller'> {
  /** Rejects with 401 when the request does not authenticate a caller. */
  readonly authenticate: (req: Request) => Promise<Caller>;
  /** Authenticates by the session cookie, for an EventSource. */
  readonly authenticateCookie: (req: Request, res: Response) => Promise<Caller>;
  readonly streams: PreferenceStreams;
  readonly corsOrigins: readonly string[];
  /** The limit of one user's requests. */
  readonly limit: RateLimit;
  /** Called for each 500. */
  readonly onError: (error: unknown, res: ServerResponse) => void;
}

/** Larger than any valid user document. */
const MAX_BODY_SIZE = '96kb';
/** A value is nested at most 16 levels deep, and a document of 64 KiB has less than 32,768 values. */
const MAX_BODY = { maxDepth: 32, maxValues: 33_000 };

/**
 * Creates the REST routes of a user's preferences, to be mounted at `/api/users`, as contract.ts and `/api/openapi.json` describe
 * them:
 *
 * - `GET /profile`: the user and their preferences, with defaults for those that were never set;
 * - `GET`, `PATCH /preferences`: a JSON merge patch (RFC 7396); `null` resets a preference to its default;
 * - `GET`, `PUT`, `DELETE /preferences/<name>`: one preference, as a bare JSON value;
 * - `GET /preferences/stream`: all preferences at each change, as server-sent events. It accepts the session cookie too.
 *
 * Every response with preferences has an `ETag` for `If-Match` and `If-None-Match`. Errors are problem details (RFC 9457).
 */
export function createPreferenceRoutes<P extends object>(options: PreferenceRoutesOptions<P>): Router {
  const router = Router({ caseSensitive: true, strict: true });
  const { authenticateWith, requireCaller, usernameOf } = createCallerContext();
  const handlers = new PreferenceHandlers({ ...options, requireCaller });

  useCors(router, {
    origins: options.corsOrigins,
    methods: ['GET', 'HEAD', 'PATCH', 'PUT', 'DELETE'],
    allowedHeaders: ['authorization', 'content-type', 'if-match', 'if-none-match'],
    exposedHeaders: ['etag', 'retry-after'],
  });
  const rateLimited = limitByKey(options.limit, usernameOf, sendProblem);
  const byToken = (req: Request): Promise<Caller> => options.authenticate(req);
  const byTokenOrCookie = (req: Request, res: Response): Promise<Caller> =>
    req.headers.authorization === undefined ? options.authenticateCookie(req, res) : byToken(req);

  // Otherwise Express would run the GET handler for HEAD, and the response would never end.
  router.head('/preferences/stream', authenticateWith(byTokenOrCookie), methodNotAllowedHandler('GET'));
  router.get('/preferences/stream', authenticateWith(byTokenOrCookie), rateLimited, async (req, res) => {
    const lastEventId = req.headers['last-event-id'];
    const query = req.url.split('?', 2)[1] ?? '';
    const request = parseStreamRequest(query, typeof lastEventId === 'string' ? lastEventId : undefined);
    await options.streams.open(requireCaller(req), request, res);
  });
  router.use(authenticateWith(byToken), rateLimited);
  router.all('/preferences/stream', methodNotAllowedHandler('GET'));

  router.get('/profile', (req, res) => handlers.getProfile(req, res));
  router.all('/profile', methodNotAllowedHandler('GET,HEAD'));

  const readJson = express.json({
    limit: MAX_BODY_SIZE,
    inflate: false,
    strict: false,
    type: JSON_TYPES,
    verify: verifyJson(MAX_BODY),
  });
  router.get('/preferences', (req, res) => handlers.getAll(req, res));
  router.patch('/preferences', assertBodyAvailable, readJson, (req, res) => handlers.patch(req, res));
  router.all('/preferences', methodNotAllowedHandler('GET,HEAD,PATCH'));

  router.get('/preferences/:name', (req, res) => handlers.getOne(req, res));
  router.put('/preferences/:name', assertBodyAvailable, readJson, (req, res) => handlers.putOne(req, res));
  router.delete('/preferences/:name', (req, res) => handlers.deleteOne(req, res));
  router.all('/preferences/:name', methodNotAllowedHandler('GET,HEAD,PUT,DELETE'));

  router.use(() => {
    throw notFound();
  });
  router.use(problemErrorHandler(options.onError));
  return router;
}
