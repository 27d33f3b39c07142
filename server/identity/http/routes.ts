import cookieParser from 'cookie-parser';
import { Router, type Request, type RequestHandler, type Response } from 'express';
import { parseUsername, type Username } from '../../../couchdb-design/user-document/user-document.ts';
import { credentialsSchema, signInSchema, type Session, type SessionList, type SignInOptions } from '../../contract.ts';
import { badRequest, forbidden, HttpError, notFound, sendJson, unauthorized } from '../../http/errors.ts';
import { requestContext } from '../../http/request-context.ts';
import { createCallerContext, methodNotAllowedHandler, sendNoContent } from '../../http/routing.ts';
import type { Accounts } from '../accounts/accounts.ts';
import type { BearerAuthenticator } from './authenticate-bearer.ts';
import { describeDevice } from '../sessions/device-label.ts';
import { limitByKey, limitByAddress, limitByName, type RateLimits } from '../../http/rate-limits.ts';
import type { RefreshCookie } from '../sessions/refresh-cookie.ts';
import type { RefreshTokens } from '../sessions/refresh-token.ts';
import { parseBody, jsonBodyParser, couchErrorHandler } from './request-body.ts';
import { requireSameOrigin } from './same-origin.ts';
import type { SessionWithToken, Sessions } from '../sessions/sessions.ts';
import type { SignToken } from '../tokens/tokens.ts';

/** What the sign-in routes work with. */
export interface AuthRoutesOptions {
  readonly registration: 'open' | 'closed';
  /** Whether there is a bot. */
  readonly telegram: boolean;
  readonly accounts: Pick<Accounts, 'register' | 'verifyPassword' | 'isSuspended'>;
  readonly sessions: Sessions;
  readonly refreshTokens: RefreshTokens;
  /** Undefined when another identity provider signs people in: then there is nothing here but that news. */
  readonly sign: SignToken | undefined;
  readonly authenticate: BearerAuthenticator;
  readonly cookie: RefreshCookie;
  readonly limits: RateLimits;
  readonly onRegistered: (username: Username) => Promise<void>;
  readonly onError: (error: unknown) => void;
}

/** The routes under `/api/auth`, as contract.ts has them. */
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
  const { accounts, sessions, refreshTokens, cookie, limits } = options;

  const sendSession = (res: Response, status: number, { session, refreshToken }: SessionWithToken): void => {
    const { username, id: sessionId, expiresAt: notAfter } = session;
    const access = sign({ username, sessionId, notAfter });
    requestContext(res).username = username;
    cookie.set(res, refreshToken, notAfter);
    const expiresAt = new Date(access.expiresAt).toISOString();
    sendJson(res, status, { username, accessToken: access.token, expiresAt, sessionId } satisfies Session);
  };
  const deviceLabel = (req: Request): string => describeDevice(req.headers['user-agent']);

  const requireOpenRegistration: RequestHandler = (_req, _res, next) => {
    if (options.registration === 'closed') throw forbidden('Registration is closed. Ask the operator for an account.');
    next();
  };
  router.post(
    '/register',
    requireOpenRegistration,
    limitByAddress(limits.registerByAddress, 'all'),
    jsonBodyParser,
    limitByName(limits.registerByName, 'all'),
    async (req, res) => {
      const { username: name, password } = parseBody(credentialsSchema, req.body);
      const username = parseUsername(name);
      if (username === undefined) {
        throw badRequest(
          'A username is 1 to 64 lower-case letters, digits and _.@+- and begins with a letter or digit.',
        );
      }
      await accounts.register(username, password);
      // The account is made, so its owner gets in; a document that could not be made is made at its first use.
      await options.onRegistered(username).catch(options.onError);
      sendSession(res, 201, await sessions.start(username, deviceLabel(req)));
    },
  );
  router.all('/register', methodNotAllowedHandler('POST'));

  router.post(
    '/sign-in',
    limitByAddress(limits.signInByAddress, 'all'),
    jsonBodyParser,
    limitByName(limits.signInByName, 'failures'),
    async (req, res) => {
      const { username: name, password } = parseBody(signInSchema, req.body);
      const username = parseUsername(name);
      if (username === undefined || !(await accounts.verifyPassword(username, password))) {
        throw unauthorized('Name or password is incorrect.');
      }
      if (await accounts.isSuspended(username)) throw forbidden('The account is suspended.');
      sendSession(res, 200, await sessions.start(username, deviceLabel(req)));
    },
  );
  router.all('/sign-in', methodNotAllowedHandler('POST'));

  const readCookies = cookieParser();
  const cookieSessionId = (req: Request): string | undefined => refreshTokens.verify(cookie.read(req) ?? '')?.sessionId;
  router.post(
    '/refresh',
    requireSameOrigin,
    limitByAddress(limits.refreshByAddress, 'failures'),
    readCookies,
    limitByKey(limits.refreshBySession, 'all', cookieSessionId),
    async (req, res) => {
      const token = cookie.read(req);
      if (token === undefined) throw unauthorized('Nobody is signed in here.');
      try {
        sendSession(res, 200, await sessions.refresh(token));
      } catch (error) {
        // Not on a 502 or 503: the session may be as good as ever.
        if (error instanceof HttpError && error.status === 401) cookie.clear(res);
        throw error;
      }
    },
  );
  router.all('/refresh', methodNotAllowedHandler('POST'));

  router.post(
    '/sign-out',
    requireSameOrigin,
    readCookies,
    limitByKey(limits.signOutBySession, 'all', cookieSessionId),
    async (req, res) => {
      const token = cookie.read(req);
      // When this fails the cookie stays, so that signing out can be tried again.
      if (token !== undefined) await sessions.signOut(token);
      cookie.clear(res);
      sendNoContent(res);
    },
  );
  router.all('/sign-out', methodNotAllowedHandler('POST'));
}

function addSessionRoutes(router: Router, options: AuthRoutesOptions): void {
  const { sessions } = options;
  const { authenticateWith, requireCaller, usernameOf } = createCallerContext();
  const authenticate = authenticateWith((req) => options.authenticate(req.headersDistinct));
  const rateLimited = limitByKey(options.limits.sessionsByName, 'all', usernameOf);
  router.get('/sessions', authenticate, rateLimited, async (req, res) => {
    const { username, sessionId } = requireCaller(req);
    const list = (await sessions.list(username)).map((session) => ({
      id: session.id,
      device: session.device,
      createdAt: new Date(session.createdAt).toISOString(),
      refreshedAt: new Date(session.refreshedAt).toISOString(),
      current: session.id === sessionId,
    }));
    sendJson(res, 200, { sessions: list } satisfies SessionList);
  });
  router.delete('/sessions', authenticate, rateLimited, async (req, res) => {
    const { username, sessionId } = requireCaller(req);
    await sessions.endAll(username, 'user', sessionId);
    sendNoContent(res);
  });
  router.all('/sessions', methodNotAllowedHandler('GET,HEAD,DELETE'));

  router.delete('/sessions/:id', authenticate, rateLimited, async (req, res) => {
    const { username } = requireCaller(req);
    await sessions.end(username, String(req.params['id']));
    sendNoContent(res);
  });
  router.all('/sessions/:id', methodNotAllowedHandler('DELETE'));
}
