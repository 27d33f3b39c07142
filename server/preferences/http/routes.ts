import express, { Router, type Request, type Response } from 'express';
import type { z } from 'zod';
import { newSourceDeviceId } from '../../../couchdb-design/user-document/edit-sources.ts';
import type { PatchOf } from '../../../couchdb-design/user-document/user-document.ts';
import type { Caller } from '../../http/caller.ts';
import { useCors } from '../../http/cors.ts';
import { badRequest, HttpError, notFound, sendJson } from '../../http/errors.ts';
import { isObject } from '../../lib/json.ts';
import { limitByKey, type RateLimit } from '../../http/rate-limits.ts';
import { createCallerContext, methodNotAllowedHandler } from '../../http/routing.ts';
import { createPreferencesResponse } from '../response.ts';
import { mergePatch } from './merge-patch.ts';
import { assertIfMatch, entityTag, isNotModified } from './etag.ts';
import { InvalidBodyError, sendProblem, problemErrorHandler } from '../../http/problem-details.ts';
import type { PreferenceDefinition } from '../schema.ts';
import type { ComputePatch, PreferencesService, UserPreferences } from '../service.ts';
import type { PreferenceStreams } from '../stream/open-stream.ts';

export interface PreferenceRoutesOptions<P extends object> {
  readonly service: PreferencesService<P>;
  readonly definition: PreferenceDefinition<P>;
  /** Rejects with 401 when the request does not prove who asks. */
  readonly authenticate: (req: Request) => Promise<Caller>;
  /** The same by the session's cookie, for an EventSource. */
  readonly authenticateCookie: (req: Request, res: Response) => Promise<Caller>;
  /** Rejects when a caller's right has ended meanwhile. */
  readonly assertActive: (caller: Caller) => Promise<void>;
  readonly streams: PreferenceStreams;
  readonly corsOrigins: readonly string[];
  /** Of one user's requests. */
  readonly limit: RateLimit;
  /** Called with what nobody expected. */
  readonly onError: (error: unknown) => void;
}

/** What a user's document may have, and then some. */
const MAX_BODY_SIZE = '96kb';
const JSON_TYPES = ['application/json', 'application/merge-patch+json'];

/**
 * The user's preferences by plain HTTP, to be mounted at `/api/users`, as contract.ts and `/api/openapi.json` have it:
 *
 * - `GET /profile`: who asks, and the preferences with the defaults of what was never set;
 * - `GET`, `PATCH /preferences`: a JSON merge patch (RFC 7396); `null` lets the default hold again;
 * - `GET`, `PUT`, `DELETE /preferences/<name>`: one of them, as a bare JSON value;
 * - `GET /preferences/stream`: all of them as they change, by server-sent events; here the session's cookie will do, too.
 *
 * Every answer has an `ETag`, which `If-Match` and `If-None-Match` may name. Errors are problem details (RFC 9457).
 */
export function createPreferenceRoutes<P extends object>(options: PreferenceRoutesOptions<P>): Router {
  const { service, definition } = options;
  const device = newSourceDeviceId('rest', Math.random);
  const router = Router({ caseSensitive: true, strict: true });
  const { authenticateWith, requireCaller, usernameOf: usernameOf } = createCallerContext();

  const edit = async (req: Request, change: ComputePatch<P>): Promise<UserPreferences<P>> => {
    const caller = requireCaller(req);
    // A body may come slowly: the right was looked at before its first byte.
    await options.assertActive(caller);
    return service.edit(caller.username, device, (now) => {
      assertIfMatch(req.headers['if-match'], now.token);
      return change(now);
    });
  };

  useCors(router, {
    origins: options.corsOrigins,
    methods: ['GET', 'HEAD', 'PATCH', 'PUT', 'DELETE'],
    allowedHeaders: ['authorization', 'content-type', 'if-match', 'if-none-match'],
    exposedHeaders: ['etag', 'retry-after'],
  });
  const rateLimited = limitByKey(options.limit, 'all', usernameOf, sendProblem);
  const byToken = (req: Request): Promise<Caller> => options.authenticate(req);
  const byTokenOrCookie = (req: Request, res: Response): Promise<Caller> =>
    req.headers.authorization === undefined ? options.authenticateCookie(req, res) : byToken(req);

  // Express would have GET answer it, without an end.
  router.head('/preferences/stream', authenticateWith(byTokenOrCookie), methodNotAllowedHandler('GET'));
  router.get('/preferences/stream', authenticateWith(byTokenOrCookie), rateLimited, async (req, res) => {
    const lastEventId = req.headers['last-event-id'];
    await options.streams.open(
      requireCaller(req),
      typeof lastEventId === 'string' && lastEventId !== '' ? lastEventId : undefined,
      res,
    );
  });
  router.use(authenticateWith(byToken), rateLimited);
  router.all('/preferences/stream', methodNotAllowedHandler('GET'));
  const readJson = express.json({ limit: MAX_BODY_SIZE, inflate: false, strict: false, type: JSON_TYPES });

  /** What holds after an edit. */
  const sendPreferences = (res: Response, after: UserPreferences<P>): void => {
    res.setHeader('ETag', entityTag(after.token));
    sendJson(res, 200, createPreferencesResponse(after, definition));
  };
  const removalPatch = (name: string): PatchOf<P> => validate(definition.patchSchema, { [name]: null });

  router.get('/profile', async (req, res) => {
    const { username, sessionId } = requireCaller(req);
    const now = await service.read(username);
    const session = sessionId === undefined ? null : { id: sessionId };
    sendWithEtag(req, res, now, { username, session, ...createPreferencesResponse(now, definition) });
  });
  router.all('/profile', methodNotAllowedHandler('GET,HEAD'));

  router.get('/preferences', async (req, res) => {
    const now = await service.read(requireCaller(req).username);
    sendWithEtag(req, res, now, createPreferencesResponse(now, definition));
  });
  router.patch('/preferences', readJson, async (req, res) => {
    const patch = requireBody(req);
    if (!isObject(patch)) throw badRequest('The body has to be a JSON object of preferences by name.');
    const after = await edit(req, ({ document }) =>
      validate(definition.patchSchema, applyMergePatch(document.preferences, patch)),
    );
    sendPreferences(res, after);
  });
  router.all('/preferences', methodNotAllowedHandler('GET,HEAD,PATCH'));

  router.get('/preferences/:name', async (req, res) => {
    const name = requirePreferenceName(req, definition);
    const now = await service.read(requireCaller(req).username);
    sendWithEtag(req, res, now, toEntryMap(createPreferencesResponse(now, definition).preferences).get(name));
  });
  router.put('/preferences/:name', readJson, async (req, res) => {
    const patch = { [requirePreferenceName(req, definition)]: requireBody(req) };
    sendPreferences(res, await edit(req, () => validate(definition.schema, patch)));
  });
  router.delete('/preferences/:name', async (req, res) => {
    const name = requirePreferenceName(req, definition);
    sendPreferences(
      res,
      await edit(req, ({ document }) => (toEntryMap(document.preferences).has(name) ? removalPatch(name) : {})),
    );
  });
  router.all('/preferences/:name', methodNotAllowedHandler('GET,HEAD,PUT,DELETE'));

  router.use(() => {
    throw notFound();
  });
  router.use(problemErrorHandler(options.onError));
  return router;
}

/** Answers with `body`, or that the caller has it. */
function sendWithEtag(req: Request, res: Response, now: Pick<UserPreferences, 'token'>, body: unknown): void {
  res.setHeader('ETag', entityTag(now.token));
  if (isNotModified(req.headers['if-none-match'], now.token)) res.status(304).set('Cache-Control', 'no-store').end();
  else sendJson(res, 200, body);
}

/** Each preference that the patch names as it is to be: an object is merged into the one that is there. */
const applyMergePatch = (now: object, patch: object): object =>
  Object.fromEntries(
    Object.entries(patch).map(([key, value]) => [
      key,
      value === null ? null : mergePatch(toEntryMap(now).get(key), value),
    ]),
  );

function validate<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (!result.success) throw new InvalidBodyError(result.error.issues);
  return result.data;
}

/** Throws 415 when the body did not come as JSON, 400 when there is none. */
function requireBody(req: Request): unknown {
  const body: unknown = req.body;
  if (req.is(JSON_TYPES) === false) {
    throw new HttpError(415, 'bad_content_type', `Content-Type must be ${JSON_TYPES.join(' or ')}.`);
  }
  // Of no bytes the parser makes an empty object.
  if (body === undefined || req.headers['content-length'] === '0') throw badRequest('The request has no body.');
  return body;
}

/** Throws 404 when there is no such preference. */
function requirePreferenceName(req: Request, { names }: Pick<PreferenceDefinition, 'names'>): string {
  const name = String(req.params['name']);
  if (!names.includes(name)) throw notFound();
  return name;
}

/** Own members alone: nothing that a prototype would lend. */
const toEntryMap = (preferences: object): ReadonlyMap<string, unknown> => new Map(Object.entries(preferences));
