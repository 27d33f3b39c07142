import type { ServerResponse } from 'node:http';
import { Router, type Request, type RequestHandler } from 'express';
import type { Caller } from '../../http/caller.ts';
import type { TelegramChats, TelegramLink } from '../../contract.ts';
import { useCors } from '../../http/cors.ts';
import { notFound, sendJson, serviceUnavailable } from '../../http/errors.ts';
import { limitByKey, type RateLimit } from '../../http/rate-limits.ts';
import { sendProblem, problemErrorHandler } from '../../http/problem-details.ts';
import { createCallerContext, methodNotAllowedHandler, sendEmpty } from '../../http/routing.ts';
import type { Links } from './links.ts';

export interface LinkRoutesOptions {
  readonly links: Links;
  /** Returns the bot's name at Telegram, or `undefined` while Telegram has not been reached. */
  readonly botName: () => string | undefined;
  /** Resolves with the caller. Rejects with 401 if the headers contain no valid token. */
  readonly authenticate: (headers: Request['headersDistinct']) => Promise<Caller>;
  readonly corsOrigins: readonly string[];
  /** The limits of one user's requests: for new codes, and for all others. */
  readonly limits: { readonly link: RateLimit; readonly others: RateLimit };
  /** Called with unexpected errors. */
  readonly onError: (error: unknown, res: ServerResponse) => void;
}

/**
 * Creates the routes of a user's linked chats, to be mounted at `/api/users/telegram`. The bodies are those of contract.ts,
 * and errors are problem details (RFC 9457).
 *
 * - `POST /link` creates a code, and a link that opens the bot with it;
 * - `GET /` lists the linked chats; `DELETE /<id>` unlinks one.
 */
export function createLinkRoutes(options: LinkRoutesOptions): Router {
  const { links, limits } = options;
  const router = Router({ caseSensitive: true, strict: true });
  const { authenticateWith, requireCaller, usernameOf } = createCallerContext();
  const rateLimited = (limit: RateLimit): RequestHandler => limitByKey(limit, usernameOf, sendProblem);

  useCors(router, {
    origins: options.corsOrigins,
    methods: ['GET', 'HEAD', 'POST', 'DELETE'],
    allowedHeaders: ['authorization', 'content-type'],
    exposedHeaders: ['retry-after'],
  });
  router.use(authenticateWith((req) => options.authenticate(req.headersDistinct)));

  router.post('/link', rateLimited(limits.link), async (req, res) => {
    const { username, sessionId } = requireCaller(req);
    const bot = options.botName();
    if (bot === undefined) throw serviceUnavailable('Telegram cannot be reached. Try again later.');
    const { code, expiresAt } = await links.createCode(username, sessionId);
    const url = `https://t.me/${bot}?start=${code}`;
    sendJson(res, 201, { code, url, expiresAt: new Date(expiresAt).toISOString() } satisfies TelegramLink);
  });
  router.all('/link', methodNotAllowedHandler('POST'));

  const limitOthers = rateLimited(limits.others);
  router.get('/', limitOthers, async (req, res) => {
    const ownLinks = await links.listByUser(requireCaller(req).username);
    const chats = ownLinks.map(({ chat, firstName, telegramName, linkedAt }) => ({
      id: String(chat),
      firstName,
      username: telegramName ?? null,
      linkedAt: new Date(linkedAt).toISOString(),
    }));
    sendJson(res, 200, { chats } satisfies TelegramChats);
  });
  router.all('/', methodNotAllowedHandler('GET,HEAD'));

  router.delete('/:id', limitOthers, async (req, res) => {
    const id = String(req.params['id']);
    const isOwn = /^\d{1,16}$/.test(id) && (await links.unlink(Number(id), requireCaller(req).username));
    if (!isOwn) throw notFound();
    sendEmpty(res, 204);
  });
  router.all('/:id', methodNotAllowedHandler('DELETE'));

  router.use(() => {
    throw notFound();
  });
  router.use(problemErrorHandler(options.onError));
  return router;
}
