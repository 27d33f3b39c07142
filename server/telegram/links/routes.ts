import cors from 'cors';
import { Router, type Request, type RequestHandler } from 'express';
import type { Caller } from '../../http/caller.ts';
import type { TelegramChats, TelegramLink } from '../../contract.ts';
import { missing, sendJson, unavailable } from '../../http/errors.ts';
import { limitBy, type RateLimit } from '../../http/rate-limits.ts';
import { sendProblem, tellProblems } from '../../http/problem-details.ts';
import { createCallers, refuseMethod, sendNothing } from '../../http/routing.ts';
import type { Links } from './links.ts';

export interface RoutesOptions {
  readonly links: Links;
  /** The bot's name at Telegram; undefined as long as Telegram has not told it. */
  readonly botName: () => string | undefined;
  /** Rejects with 401 when the headers do not prove who asks. */
  readonly authenticate: (headers: Request['headersDistinct']) => Promise<Caller>;
  readonly corsOrigins: readonly string[];
  /** Of one user's requests: for codes, and for all else. */
  readonly limits: { readonly link: RateLimit; readonly others: RateLimit };
  /** Called with what nobody expected. */
  readonly onError: (error: unknown) => void;
}

/**
 * A user's linked chats, to be mounted at `/api/users/telegram`, as contract.ts has it. Errors are problem details.
 *
 * - `POST /link`: a code, and the link that opens the bot with it;
 * - `GET /`: the linked chats; `DELETE /<id>` unlinks one.
 */
export function createRoutes(options: RoutesOptions): Router {
  const { links, limits } = options;
  const router = Router({ caseSensitive: true, strict: true });
  const { identify, callerOf, nameOf } = createCallers();
  const limited = (limit: RateLimit): RequestHandler => limitBy(limit, 'all', nameOf, sendProblem);

  if (options.corsOrigins.length > 0) {
    router.use(
      cors({
        origin: [...options.corsOrigins],
        methods: ['GET', 'HEAD', 'POST', 'DELETE'],
        allowedHeaders: ['authorization', 'content-type'],
        exposedHeaders: ['retry-after'],
        maxAge: 86_400,
      }),
    );
  }
  router.use(identify((req) => options.authenticate(req.headersDistinct)));

  router.post('/link', limited(limits.link), async (req, res) => {
    const { username, sessionId } = callerOf(req);
    const bot = options.botName();
    if (bot === undefined) throw unavailable('Telegram cannot be reached. Try again in a while.');
    const { code, expiresAt } = await links.offer(username, sessionId);
    const url = `https://t.me/${bot}?start=${code}`;
    sendJson(res, 201, { code, url, expiresAt: new Date(expiresAt).toISOString() } satisfies TelegramLink);
  });
  router.all('/link', refuseMethod('POST'));

  const few = limited(limits.others);
  router.get('/', few, async (req, res) => {
    const all = await links.ofUser(callerOf(req).username);
    const chats = all.map(({ chat, firstName, telegramName, linkedAt }) => ({
      id: String(chat),
      firstName,
      username: telegramName ?? null,
      linkedAt: new Date(linkedAt).toISOString(),
    }));
    sendJson(res, 200, { chats } satisfies TelegramChats);
  });
  router.all('/', refuseMethod('GET,HEAD'));

  router.delete('/:id', few, async (req, res) => {
    const id = String(req.params['id']);
    const isOwn = /^\d{1,16}$/.test(id) && (await links.unlink(Number(id), callerOf(req).username));
    if (!isOwn) throw missing();
    sendNothing(res);
  });
  router.all('/:id', refuseMethod('DELETE'));

  router.use(() => {
    throw missing();
  });
  router.use(tellProblems(options.onError));
  return router;
}
