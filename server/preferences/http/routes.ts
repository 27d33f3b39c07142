import cors from 'cors';
import express, { Router, type Request, type Response } from 'express';
import type { z } from 'zod';
import { newDoorId } from '../../../couchdb-design/user-document/edit-sources.ts';
import type { PatchOf } from '../../../couchdb-design/user-document/user-document.ts';
import type { Caller } from '../../http/caller.ts';
import { badRequest, HttpError, missing, sendJson } from '../../http/errors.ts';
import { isObject } from '../../lib/json.ts';
import { limitBy, type RateLimit } from '../../http/rate-limits.ts';
import { createCallers, refuseMethod } from '../../http/routing.ts';
import { preferencesAnswer } from '../response.ts';
import { mergePatch } from './merge-patch.ts';
import { checkIfMatch, entityTag, isKnown } from './etag.ts';
import { InvalidBody, sendProblem, tellProblems } from '../../http/problem-details.ts';
import type { PreferenceRules } from '../schema.ts';
import type { Change, PreferencesService, UserPreferences } from '../service.ts';
import type { Streams } from '../stream/open-stream.ts';

export interface RestOptions<P extends object> {
  readonly service: PreferencesService<P>;
  readonly rules: PreferenceRules<P>;
  /** Rejects with 401 when the request does not prove who asks. */
  readonly authenticate: (req: Request) => Promise<Caller>;
  /** The same by the session's cookie, for an EventSource. */
  readonly authenticateCookie: (req: Request, res: Response) => Promise<Caller>;
  /** Rejects when a caller's right has ended meanwhile. */
  readonly checkRight: (caller: Caller) => Promise<void>;
  readonly streams: Streams;
  readonly corsOrigins: readonly string[];
  /** Of one user's requests. */
  readonly limit: RateLimit;
  /** Called with what nobody expected. */
  readonly onError: (error: unknown) => void;
}

/** What a user's document may have, and then some. */
const LARGEST_BODY = '96kb';
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
export function createRest<P extends object>(options: RestOptions<P>): Router {
  const { service, rules } = options;
  const device = newDoorId('rest', Math.random);
  const router = Router({ caseSensitive: true, strict: true });
  const { identify, callerOf, nameOf: usernameOf } = createCallers();

  const edit = async (req: Request, change: Change<P>): Promise<UserPreferences<P>> => {
    const caller = callerOf(req);
    // A body may come slowly: the right was looked at before its first byte.
    await options.checkRight(caller);
    return service.edit(caller.username, device, (now) => {
      checkIfMatch(req.headers['if-match'], now.token);
      return change(now);
    });
  };

  if (options.corsOrigins.length > 0) {
    router.use(
      cors({
        origin: [...options.corsOrigins],
        methods: ['GET', 'HEAD', 'PATCH', 'PUT', 'DELETE'],
        allowedHeaders: ['authorization', 'content-type', 'if-match', 'if-none-match'],
        exposedHeaders: ['etag', 'retry-after'],
        maxAge: 86_400,
      }),
    );
  }
  const limited = limitBy(options.limit, 'all', usernameOf, sendProblem);
  const byToken = (req: Request): Promise<Caller> => options.authenticate(req);
  const byTokenOrCookie = (req: Request, res: Response): Promise<Caller> =>
    req.headers.authorization === undefined ? options.authenticateCookie(req, res) : byToken(req);

  // Express would have GET answer it, without an end.
  router.head('/preferences/stream', identify(byTokenOrCookie), refuseMethod('GET'));
  router.get('/preferences/stream', identify(byTokenOrCookie), limited, async (req, res) => {
    const told = req.headers['last-event-id'];
    await options.streams.open(callerOf(req), typeof told === 'string' && told !== '' ? told : undefined, res);
  });
  router.use(identify(byToken), limited);
  router.all('/preferences/stream', refuseMethod('GET'));
  const readJson = express.json({ limit: LARGEST_BODY, inflate: false, strict: false, type: JSON_TYPES });

  /** What holds after an edit. */
  const sendWhole = (res: Response, after: UserPreferences<P>): void => {
    res.setHeader('ETag', entityTag(after.token));
    sendJson(res, 200, preferencesAnswer(after, rules));
  };
  const removal = (name: string): PatchOf<P> => check(rules.patchSchema, { [name]: null });

  router.get('/profile', async (req, res) => {
    const { username, sessionId } = callerOf(req);
    const now = await service.read(username);
    const session = sessionId === undefined ? null : { id: sessionId };
    answer(req, res, now, { username, session, ...preferencesAnswer(now, rules) });
  });
  router.all('/profile', refuseMethod('GET,HEAD'));

  router.get('/preferences', async (req, res) => {
    const now = await service.read(callerOf(req).username);
    answer(req, res, now, preferencesAnswer(now, rules));
  });
  router.patch('/preferences', readJson, async (req, res) => {
    const patch = bodyOf(req);
    if (!isObject(patch)) throw badRequest('The body has to be a JSON object of preferences by name.');
    const after = await edit(req, ({ document }) => check(rules.patchSchema, merged(document.preferences, patch)));
    sendWhole(res, after);
  });
  router.all('/preferences', refuseMethod('GET,HEAD,PATCH'));

  router.get('/preferences/:name', async (req, res) => {
    const name = nameOf(req, rules);
    const now = await service.read(callerOf(req).username);
    answer(req, res, now, valuesOf(preferencesAnswer(now, rules).preferences).get(name));
  });
  router.put('/preferences/:name', readJson, async (req, res) => {
    const patch = { [nameOf(req, rules)]: bodyOf(req) };
    sendWhole(res, await edit(req, () => check(rules.schema, patch)));
  });
  router.delete('/preferences/:name', async (req, res) => {
    const name = nameOf(req, rules);
    sendWhole(res, await edit(req, ({ document }) => (valuesOf(document.preferences).has(name) ? removal(name) : {})));
  });
  router.all('/preferences/:name', refuseMethod('GET,HEAD,PUT,DELETE'));

  router.use(() => {
    throw missing();
  });
  router.use(tellProblems(options.onError));
  return router;
}

/** Answers with `body`, or that the caller has it. */
function answer(req: Request, res: Response, now: Pick<UserPreferences, 'token'>, body: unknown): void {
  res.setHeader('ETag', entityTag(now.token));
  if (isKnown(req.headers['if-none-match'], now.token)) res.status(304).set('Cache-Control', 'no-store').end();
  else sendJson(res, 200, body);
}

/** Each preference that the patch names as it is to be: an object is merged into the one that is there. */
const merged = (now: object, patch: object): object =>
  Object.fromEntries(
    Object.entries(patch).map(([key, value]) => [
      key,
      value === null ? null : mergePatch(valuesOf(now).get(key), value),
    ]),
  );

function check<T>(schema: z.ZodType<T>, value: unknown): T {
  const read = schema.safeParse(value);
  if (!read.success) throw new InvalidBody(read.error.issues);
  return read.data;
}

/** Throws 415 when the body did not come as JSON, 400 when there is none. */
function bodyOf(req: Request): unknown {
  const body: unknown = req.body;
  if (req.is(JSON_TYPES) === false) {
    throw new HttpError(415, 'bad_content_type', `Content-Type must be ${JSON_TYPES.join(' or ')}.`);
  }
  // Of no bytes the parser makes an empty object.
  if (body === undefined || req.headers['content-length'] === '0') throw badRequest('The request has no body.');
  return body;
}

/** Throws 404 when there is no such preference. */
function nameOf(req: Request, { names }: Pick<PreferenceRules, 'names'>): string {
  const name = String(req.params['name']);
  if (!names.includes(name)) throw missing();
  return name;
}

/** Own members alone: nothing that a prototype would lend. */
const valuesOf = (preferences: object): ReadonlyMap<string, unknown> => new Map(Object.entries(preferences));
