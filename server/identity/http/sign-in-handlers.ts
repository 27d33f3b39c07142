import type { ServerResponse } from 'node:http';
import type { Request, Response } from 'express';
import { parseUsername, type Username } from '../../../couchdb-design/user-document/user-document.ts';
import { credentialsSchema, signInSchema, type Session } from '../../contract.ts';
import { badRequest, forbidden, HttpError, sendJson, wrongPassword } from '../../http/errors.ts';
import { requestContext } from '../../http/request-context.ts';
import { sendEmpty } from '../../http/routing.ts';
import { tokenRefusal } from '../../http/token-refusal.ts';
import type { Accounts } from '../accounts/accounts.ts';
import { describeDevice } from '../sessions/device-label.ts';
import type { RefreshCookie } from '../sessions/refresh-cookie.ts';
import type { SessionWithToken, Sessions } from '../sessions/sessions.ts';
import type { SignToken } from '../tokens/tokens.ts';
import { parseBody } from './request-body.ts';

export interface SignInHandlersOptions {
  readonly accounts: Pick<Accounts, 'register' | 'verifyPassword' | 'isSuspended'>;
  readonly sessions: Pick<Sessions, 'start' | 'refresh' | 'signOut'>;
  readonly sign: SignToken;
  readonly cookie: RefreshCookie;
  readonly onRegistered: (username: Username) => Promise<void>;
  readonly onError: (error: unknown, res: ServerResponse) => void;
}

const deviceLabel = (req: Request): string => describeDevice(req.headers['user-agent']);

/** Handles the requests that start, continue and end a session. */
export class SignInHandlers {
  readonly #options: SignInHandlersOptions;

  constructor(options: SignInHandlersOptions) {
    this.#options = options;
  }

  /** `POST /register` */
  async register(req: Request, res: Response): Promise<void> {
    const { accounts, sessions, onRegistered, onError } = this.#options;
    const { username: name, password } = parseBody(credentialsSchema, req.body);
    const username = parseUsername(name);
    if (username === undefined) {
      throw badRequest('A username is 1 to 64 lower-case letters, digits and _.@+- and begins with a letter or digit.');
    }
    await accounts.register(username, password);
    // The account exists, so its owner is signed in even if this fails: the document is then created at its first use.
    await onRegistered(username).catch((error: unknown) => onError(error, res));
    this.#sendSession(res, 201, await sessions.start(username, deviceLabel(req)));
  }

  /** `POST /sign-in` */
  async signIn(req: Request, res: Response): Promise<void> {
    const { accounts, sessions } = this.#options;
    const { username: name, password } = parseBody(signInSchema, req.body);
    const username = parseUsername(name);
    if (username === undefined || !(await accounts.verifyPassword(username, password))) {
      throw wrongPassword();
    }
    if (await accounts.isSuspended(username)) throw forbidden('The account is suspended.');
    this.#sendSession(res, 200, await sessions.start(username, deviceLabel(req)));
  }

  /** `POST /refresh`, after cookie-parser. */
  async refresh(req: Request, res: Response): Promise<void> {
    const { cookie, sessions } = this.#options;
    const token = cookie.read(req);
    if (token === undefined) throw tokenRefusal('token-missing', 'Not signed in.');
    try {
      this.#sendSession(res, 200, await sessions.refresh(token));
    } catch (error) {
      // The cookie is kept on a 502 or 503: the session may still be valid.
      if (error instanceof HttpError && error.status === 401) cookie.clear(res);
      throw error;
    }
  }

  /** `POST /sign-out`, after cookie-parser. */
  async signOut(req: Request, res: Response): Promise<void> {
    const { cookie, sessions } = this.#options;
    const token = cookie.read(req);
    // If this fails, the cookie is kept so that the client can retry.
    if (token !== undefined) await sessions.signOut(token);
    cookie.clear(res);
    sendEmpty(res, 204);
  }

  #sendSession(res: Response, status: number, { session, refreshToken }: SessionWithToken): void {
    const { username, id: sessionId, expiresAt: notAfter } = session;
    const access = this.#options.sign({ username, sessionId, notAfter });
    requestContext(res).username = username;
    this.#options.cookie.set(res, refreshToken, notAfter);
    const expiresAt = new Date(access.expiresAt).toISOString();
    sendJson(res, status, { username, accessToken: access.token, expiresAt, sessionId } satisfies Session);
  }
}
