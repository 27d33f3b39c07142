import { Router, type Request, type RequestHandler, type Response } from 'express';
import type { SessionList, SignInOptions } from '../../contract.ts';
import type { Caller } from '../../http/caller.ts';
import { forbidden, notFound, sendJson } from '../../http/errors.ts';
import { limitByKey, limitByAddress, limitByName, type RateLimits } from '../../http/rate-limits.ts';
import { createCallerContext, methodNotAllowedHandler, sendEmpty } from '../../http/routing.ts';
import type { RefreshTokens } from '../sessions/refresh-token.ts';
import type { Sessions } from '../sessions/sessions.ts';
import type { SignToken } from '../tokens/tokens.ts';
import type { BearerAuthenticator } from './authenticate-bearer.ts';
import { requireOwnOrigin, type AssertOwnOrigin } from './own-origin.ts';
import { jsonBodyParser, couchErrorHandler } from './request-body.ts';
import { SignInHandlers, type SignInHandlersOptions } from './sign-in-handlers.ts';

export interface AuthRoutesOptions extends Omit<SignInHandlersOptions, 'sessions' | 'sign'> {
  readonly registration: 'open' | 'closed';
  /** Whether there is a Telegram bot. */
  readonly telegram: boolean;
  readonly sessions: Sessions;
  readonly refreshTokens: RefreshTokens;
  /** Undefined when another identity provider issues the tokens. Then only `GET /options` exists. */
  readonly sign: SignToken | undefined;
  readonly authenticate: BearerAuthenticator;
  readonly assertOwnOrigin: AssertOwnOrigin;
  readonly limits: RateLimits;
}

/** Creates the routes under `/api/auth`, as contract.ts describes them. */
export function createAuthRoutes(options: AuthRoutesOptions): Router {
  const router = Router({ caseSensitive: true, strict: true });
  const registration = options.sign === undefined ? 'external' : options.registration;

  router.get('/options', (_req, res) =>
    sendJson(res, 200, { registration, telegram: options.telegram } satisfies SignInOptions),
  );
  router.all('/options', methodNotAllowedHandler('GET,HEAD'));
  if (options.sign !== undefined) {
    addSignInRoutes(router, options, options.sign);
    addSessionRoutes(router, options);
  }
  router.use(() => {
    throw notFound();
  });
  router.use(couchErrorHandler(options.onError));
  return router;
}

function addSignInRoutes(router: Router, options: AuthRoutesOptions, sign: SignToken): void {
  const { registration, refreshTokens, cookie, limits } = options;
  const handlers = new SignInHandlers({ ...options, sign });
  const fromOwnOrigin = requireOwnOrigin(options.assertOwnOrigin);

  const requireOpenRegistration: RequestHandler = (_req, _res, next) => {
    if (registration === 'closed') throw forbidden('Registration is closed. Ask the operator for an account.');
    next();
  };
  router.post(
    '/register',
    requireOpenRegistration,
    fromOwnOrigin,
    limitByAddress(limits.registerByAddress),
    jsonBodyParser,
    limitByName(limits.registerByName),
    (req, res) => handlers.register(req, res),
  );
  router.all('/register', methodNotAllowedHandler('POST'));

  router.post('/sign-in', fromOwnOrigin, jsonBodyParser, (req, res) => handlers.signIn(req, res));
  router.all('/sign-in', methodNotAllowedHandler('POST'));

  /** The session of a valid token. Several cookies are refused by the handler. */
  const cookieSessionId = (req: Request): string | undefined => {
    const [token = '', ...others] = cookie.readAll(req);
    return others.length > 0 ? undefined : refreshTokens.verify(token)?.sessionId;
  };
  router.post('/refresh', fromOwnOrigin, limitByKey(limits.refreshBySession, cookieSessionId), (req, res) =>
    handlers.refresh(req, res),
  );
  router.all('/refresh', methodNotAllowedHandler('POST'));

  router.post('/sign-out', fromOwnOrigin, limitByKey(limits.signOutBySession, cookieSessionId), (req, res) =>
    handlers.signOut(req, res),
  );
  router.all('/sign-out', methodNotAllowedHandler('POST'));
}

function addSessionRoutes(router: Router, options: AuthRoutesOptions): void {
  const { sessions, limits } = options;
  const { authenticateWith, requireCaller, usernameOf } = createCallerContext();
  const authenticate = authenticateWith((req) => options.authenticate(req.headersDistinct));
  const rateLimited = limitByKey(limits.sessionsByName, usernameOf);

  router.get('/sessions', authenticate, rateLimited, (req, res) => sendSessionList(sessions, requireCaller(req), res));
  router.delete('/sessions', authenticate, rateLimited, async (req, res) => {
    const { username, sessionId } = requireCaller(req);
    await sessions.endAll(username, 'user', sessionId);
    sendEmpty(res, 204);
  });
  router.all('/sessions', methodNotAllowedHandler('GET,HEAD,DELETE'));

  router.delete('/sessions/:id', authenticate, rateLimited, async (req, res) => {
    const { username } = requireCaller(req);
    await sessions.end(username, String(req.params['id']));
    sendEmpty(res, 204);
  });
  router.all('/sessions/:id', methodNotAllowedHandler('DELETE'));
}

async function sendSessionList(
  sessions: Pick<Sessions, 'list'>,
  { username, sessionId }: Caller,
  res: Response,
): Promise<void> {
  const list = (await sessions.list(username)).map((session) => ({
    id: session.id,
    device: session.device,
    createdAt: new Date(session.createdAt).toISOString(),
    refreshedAt: new Date(session.refreshedAt).toISOString(),
    current: session.id === sessionId,
  }));
  sendJson(res, 200, { sessions: list } satisfies SessionList);
}
