import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Request, Response } from 'express';
import { parseUsername, type Username } from '../../../couchdb-design/user-document/user-document.ts';
import { credentialsSchema, signInSchema, type Session } from '../../contract.ts';
import { abortOnDisconnect } from '../../http/abort-on-disconnect.ts';
import { clientAddress } from '../../http/express-client-address.ts';
import { badRequest, clientDisconnected, forbidden, HttpError, sendJson, wrongPassword } from '../../http/errors.ts';
import { tooManyRequests } from '../../http/rate-limits.ts';
import { requestContext } from '../../http/request-context.ts';
import { sendEmpty } from '../../http/routing.ts';
import { tokenRefusal } from '../../http/token-refusal.ts';
import type { Accounts } from '../accounts/accounts.ts';
import type { SignInAttempts, StartedAttempt } from '../attempts/attempts.ts';
import { COMMON_PASSWORD, isCommonPassword } from '../passwords/common-passwords.ts';
import type { CheckedClient } from '../passwords/password-checks.ts';
import { describeDevice } from '../sessions/device-label.ts';
import type { SessionWithToken, Sessions } from '../sessions/sessions.ts';
import type { SignToken } from '../tokens/tokens.ts';
import type { DeviceCookie } from './device-cookie.ts';
import type { RefreshCookie } from './refresh-cookie.ts';
import { parseBody } from './request-body.ts';

export interface SignInHandlersOptions {
  readonly accounts: Pick<Accounts, 'register' | 'verifyPassword' | 'isSuspended'>;
  readonly attempts: SignInAttempts;
  readonly sessions: Pick<Sessions, 'start' | 'refresh' | 'signOut'>;
  readonly sign: SignToken;
  readonly cookie: RefreshCookie;
  readonly deviceCookie: DeviceCookie;
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
    const { accounts, onRegistered, onError } = this.#options;
    const { username: name, password } = parseBody(credentialsSchema, req.body);
    const username = parseUsername(name);
    if (username === undefined) {
      throw badRequest('A username is 1 to 64 lower-case letters, digits and _.@+- and begins with a letter or digit.');
    }
    if (await isCommonPassword(password)) throw badRequest(COMMON_PASSWORD);
    await accounts.register(username, password, { key: clientAddress(req), signal: abortOnDisconnect(res) });
    // The account exists, so its owner is signed in even if this fails: the document is then created at its first use.
    await onRegistered(username).catch((error: unknown) => onError(error, res));
    await this.#startSession(req, res, 201, username);
  }

  /** `POST /sign-in` */
  async signIn(req: Request, res: Response): Promise<void> {
    const { username: name, password } = parseBody(signInSchema, req.body);
    const username = await this.#authenticate(req, res, name, password);
    if (username === undefined) throw wrongPassword();
    if (await this.#options.accounts.isSuspended(username)) throw forbidden('The account is suspended.');
    await this.#startSession(req, res, 200, username);
  }

  /** `POST /refresh` */
  async refresh(req: Request, res: Response): Promise<void> {
    const { cookie, deviceCookie, sessions } = this.#options;
    const token = this.#readToken(req, res);
    if (token === undefined) throw tokenRefusal('token-missing', 'Not signed in.');
    const refreshed = await sessions.refresh(token).catch((error: unknown) => {
      // The cookie is kept on a 502 or 503: the session may still be valid.
      if (error instanceof HttpError && error.status === 401) cookie.clear(res);
      throw error;
    });
    // A session that an earlier version has started is on a device without a cookie.
    this.#sendSession(res, 200, refreshed, deviceCookie.identify(req, refreshed.session.username) === undefined);
  }

  /** `POST /sign-out`. The cookie of the device stays. */
  async signOut(req: Request, res: Response): Promise<void> {
    const { cookie, sessions } = this.#options;
    const token = this.#readToken(req, res);
    // If this fails, the cookie is kept so that the client can retry.
    if (token !== undefined) await sessions.signOut(token);
    cookie.clear(res);
    sendEmpty(res, 204);
  }

  /** Clears the cookies if there are several. */
  #readToken(req: Request, res: Response): string | undefined {
    const { cookie } = this.#options;
    try {
      return cookie.read(req);
    } catch (error) {
      cookie.clear(res);
      throw error;
    }
  }

  /** Resolves with the user whose name and password these are. Throws 429 if the attempt comes too early. */
  async #authenticate(req: Request, res: Response, name: string, password: string): Promise<Username | undefined> {
    const { attempts, deviceCookie } = this.#options;
    const username = parseUsername(name);
    const address = clientAddress(req);
    const deviceId = username === undefined ? undefined : deviceCookie.identify(req, username);
    const attempt = attempts.begin(username, { address, deviceId });
    if (attempt.kind === 'refused') throw tooManyRequests(attempt.retryAfterMs);
    // The known devices of a user have turns of their own, also where many share an address. Their number is the user's choice.
    const client = {
      key: deviceId === undefined ? address : `user ${String(username)}`,
      signal: abortOnDisconnect(res),
    };
    const isRight = await this.#check(attempt, username, password, client).catch((error: unknown) => {
      attempt.abandon();
      throw error;
    });
    if (isRight) attempt.succeed();
    else attempt.fail();
    return isRight ? username : undefined;
  }

  async #check(
    { waitMs }: StartedAttempt,
    username: Username | undefined,
    password: string,
    client: Required<CheckedClient>,
  ): Promise<boolean> {
    if (waitMs > 0) {
      await delay(waitMs, undefined, { signal: client.signal }).catch(() => {
        throw clientDisconnected();
      });
    }
    return username !== undefined && (await this.#options.accounts.verifyPassword(username, password, client));
  }

  async #startSession(req: Request, res: Response, status: number, username: Username): Promise<void> {
    this.#sendSession(res, status, await this.#options.sessions.start(username, deviceLabel(req)), true);
  }

  #sendSession(
    res: Response,
    status: number,
    { session, refreshToken }: SessionWithToken,
    remembersDevice: boolean,
  ): void {
    const { sign, cookie, deviceCookie } = this.#options;
    const { username, id: sessionId, expiresAt: notAfter } = session;
    const access = sign({ username, sessionId, notAfter });
    requestContext(res).username = username;
    cookie.set(res, refreshToken, notAfter);
    if (remembersDevice) deviceCookie.remember(res, username);
    const expiresAt = new Date(access.expiresAt).toISOString();
    sendJson(res, status, { username, accessToken: access.token, expiresAt, sessionId } satisfies Session);
  }
}
