import cookieParser from 'cookie-parser';
import { Router, type Request, type RequestHandler, type Response } from 'express';
import { parseUsername, type Username } from '../../../couchdb-design/user-document/user-document.ts';
import { credentialsSchema, signInSchema, type Session, type SessionList, type SignInOptions } from '../../contract.ts';
import { badRequest, forbidden, HttpError, missing, sendJson, unauthorized } from '../../http/errors.ts';
import { notesOf } from '../../http/request-context.ts';
import { createCallers, refuseMethod, sendNothing } from '../../http/routing.ts';
import type { Accounts } from '../accounts/accounts.ts';
import type { Authenticate } from './authenticate-bearer.ts';
import { describeDevice } from '../sessions/device-label.ts';
import { limitBy, limitByAddress, limitByName, type RateLimits } from '../../http/rate-limits.ts';
import type { RefreshCookie } from '../sessions/refresh-cookie.ts';
import type { RefreshTokens } from '../sessions/refresh-token.ts';
import { parseBody, readJson, tellErrors } from './request-body.ts';
import { onlySameOrigin } from './same-origin.ts';
import type { Continued, Sessions } from '../sessions/sessions.ts';
import type { SignToken } from '../tokens/tokens.ts';

/** What the sign-in routes work with. */
export interface AuthRoutesOptions {
  readonly registration: 'open' | 'closed';
  /** Whether there is a bot. */
  readonly telegram: boolean;
  readonly accounts: Pick<Accounts, 'register' | 'checkPassword' | 'isSuspended'>;
  readonly sessions: Sessions;
  readonly refreshTokens: RefreshTokens;
  /** Undefined when another identity provider signs people in: then there is nothing here but that news. */
  readonly sign: SignToken | undefined;
  readonly authenticate: Authenticate;
  readonly cookie: RefreshCookie;
  readonly limits: RateLimits;
  readonly onRegistered: (username: Username) => Promise<void>;
  readonly onUnexpected: (error: unknown) => void;
}

/** The routes under `/api/auth`, as contract.ts has them. */
export function createAuthRoutes(options: AuthRoutesOptions): Router {
  const router = Router({ caseSensitive: true, strict: true });
  const registration = options.sign === undefined ? 'external' : options.registration;

  router.get('/options', (_req, res) =>
    sendJson(res, 200, { registration, telegram: options.telegram } satisfies SignInOptions),
  );
  router.all('/options', refuseMethod('GET,HEAD'));
  if (options.sign !== undefined) {
    addSignIn(router, options, options.sign);
    addSessions(router, options);
  }
  router.use(() => {
    throw missing();
  });
  router.use(tellErrors(options.onUnexpected));
  return router;
}

function addSignIn(router: Router, options: AuthRoutesOptions, sign: SignToken): void {
  const { accounts, sessions, refreshTokens, cookie, limits } = options;

  const answer = (res: Response, status: number, { session, refreshToken }: Continued): void => {
    const { username, id: sessionId, expiresAt: notAfter } = session;
    const access = sign({ username, sessionId, notAfter });
    notesOf(res).username = username;
    cookie.set(res, refreshToken, notAfter);
    const expiresAt = new Date(access.expiresAt).toISOString();
    sendJson(res, status, { username, accessToken: access.token, expiresAt, sessionId } satisfies Session);
  };
  const deviceOf = (req: Request): string => describeDevice(req.headers['user-agent']);

  const onlyOpen: RequestHandler = (_req, _res, next) => {
    if (options.registration === 'closed') throw forbidden('Registration is closed. Ask the operator for an account.');
    next();
  };
  router.post(
    '/register',
    onlyOpen,
    limitByAddress(limits.registerByAddress, 'all'),
    readJson,
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
      await options.onRegistered(username).catch(options.onUnexpected);
      answer(res, 201, await sessions.start(username, deviceOf(req)));
    },
  );
  router.all('/register', refuseMethod('POST'));

  router.post(
    '/sign-in',
    limitByAddress(limits.signInByAddress, 'all'),
    readJson,
    limitByName(limits.signInByName, 'failures'),
    async (req, res) => {
      const { username: name, password } = parseBody(signInSchema, req.body);
      const username = parseUsername(name);
      if (username === undefined || !(await accounts.checkPassword(username, password))) {
        throw unauthorized('Name or password is incorrect.');
      }
      if (await accounts.isSuspended(username)) throw forbidden('The account is suspended.');
      answer(res, 200, await sessions.start(username, deviceOf(req)));
    },
  );
  router.all('/sign-in', refuseMethod('POST'));

  const readCookies = cookieParser();
  const sessionOf = (req: Request): string | undefined => refreshTokens.read(cookie.read(req) ?? '')?.sessionId;
  router.post(
    '/refresh',
    onlySameOrigin,
    limitByAddress(limits.refreshByAddress, 'failures'),
    readCookies,
    limitBy(limits.refreshBySession, 'all', sessionOf),
    async (req, res) => {
      const token = cookie.read(req);
      if (token === undefined) throw unauthorized('Nobody is signed in here.');
      try {
        answer(res, 200, await sessions.refresh(token));
      } catch (error) {
        // Not on a 502 or 503: the session may be as good as ever.
        if (error instanceof HttpError && error.status === 401) cookie.clear(res);
        throw error;
      }
    },
  );
  router.all('/refresh', refuseMethod('POST'));

  router.post(
    '/sign-out',
    onlySameOrigin,
    readCookies,
    limitBy(limits.signOutBySession, 'all', sessionOf),
    async (req, res) => {
      const token = cookie.read(req);
      // When this fails the cookie stays, so that signing out can be tried again.
      if (token !== undefined) await sessions.signOut(token);
      cookie.clear(res);
      sendNothing(res);
    },
  );
  router.all('/sign-out', refuseMethod('POST'));
}

function addSessions(router: Router, options: AuthRoutesOptions): void {
  const { sessions } = options;
  const { identify, callerOf, nameOf } = createCallers();
  const authenticate = identify((req) => options.authenticate(req.headersDistinct));
  const limited = limitBy(options.limits.sessionsByName, 'all', nameOf);
  router.get('/sessions', authenticate, limited, async (req, res) => {
    const { username, sessionId } = callerOf(req);
    const list = (await sessions.list(username)).map((session) => ({
      id: session.id,
      device: session.device,
      createdAt: new Date(session.createdAt).toISOString(),
      refreshedAt: new Date(session.refreshedAt).toISOString(),
      current: session.id === sessionId,
    }));
    sendJson(res, 200, { sessions: list } satisfies SessionList);
  });
  router.delete('/sessions', authenticate, limited, async (req, res) => {
    const { username, sessionId } = callerOf(req);
    await sessions.endAll(username, 'user', sessionId);
    sendNothing(res);
  });
  router.all('/sessions', refuseMethod('GET,HEAD,DELETE'));

  router.delete('/sessions/:id', authenticate, limited, async (req, res) => {
    const { username } = callerOf(req);
    await sessions.end(username, String(req.params['id']));
    sendNothing(res);
  });
  router.all('/sessions/:id', refuseMethod('DELETE'));
}
