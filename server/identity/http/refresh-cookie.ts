import type { Request, Response } from 'express';
import { tokenRefusal } from '../../http/token-refusal.ts';
import type { RefreshTokens } from '../sessions/refresh-token.ts';
import { cookieValues } from './cookie-values.ts';
import { createHostCookie } from './host-cookie.ts';

/** The cookie that carries the refresh token between the browser and the sign-in routes. */
export interface RefreshCookie {
  /**
   * Returns the refresh token of a request; undefined when there is none.
   *
   * @throws HttpError 401 when there are several: one of them may be an attacker's, who would then read what the user writes.
   */
  read(req: Pick<Request, 'headers'>): string | undefined;
  /** Returns the values of all session cookies of a request. */
  readAll(req: Pick<Request, 'headers'>): readonly string[];
  /** `expiresAt` in ms since 1970. */
  set(res: Response, token: string, expiresAt: number): void;
  clear(res: Response): void;
}

/** Its name over http, and in earlier versions over https as well, with this path. */
const COOKIE_NAME = 'pouchgate_refresh';
const FORMER_PATH = '/api';

/**
 * Creates the cookie of sessions. Only the sign-in routes and the preferences stream read it, because an EventSource cannot send a
 * header.
 *
 * Over https a session of an earlier version has a cookie without the prefix `__Host-`. Its token is exchanged once for one with
 * the prefix. Tokens of this version are not accepted there, or a page of a sibling subdomain could sign a browser in as the
 * attacker, with a token of the attacker's own session.
 *
 * @param isSecure - Whether browsers use https.
 * @param refreshTokens - Recognises the tokens of earlier versions.
 * @returns The cookie.
 */
export function createRefreshCookie(isSecure: boolean, refreshTokens: Pick<RefreshTokens, 'verify'>): RefreshCookie {
  const cookie = createHostCookie(COOKIE_NAME, isSecure);
  const readFormer = ({ headers }: Pick<Request, 'headers'>): readonly string[] =>
    isSecure ? cookieValues(headers.cookie, COOKIE_NAME) : [];
  const clearFormer = (res: Response): void => {
    if (readFormer(res.req).length === 0) return;
    res.clearCookie(COOKIE_NAME, { httpOnly: true, sameSite: 'strict', path: FORMER_PATH, secure: true });
  };
  const readAll: RefreshCookie['readAll'] = (req) => {
    const own = cookie.read(req);
    return own.length > 0 ? own : readFormer(req);
  };
  return {
    readAll,
    read: (req) => {
      const values = readAll(req);
      if (values.length > 1) throw tokenRefusal('session-ended', 'There are several session cookies. Sign in again.');
      const [value] = values;
      if (value === undefined || !isSecure) return value;
      const isFormerToken = refreshTokens.verify(value)?.isFormer === true;
      return isFormerToken === (cookie.read(req).length === 0) ? value : undefined;
    },
    set: (res, token, expiresAt) => {
      cookie.set(res, token, expiresAt);
      clearFormer(res);
    },
    clear: (res) => {
      cookie.clear(res);
      clearFormer(res);
    },
  };
}
