import type { CookieOptions, Request, Response } from 'express';

const COOKIE_NAME = 'pouchgate_refresh';

/** The cookie that carries the refresh token between the browser and the sign-in routes. */
export interface RefreshCookie {
  /** The refresh token of a request that went through cookie-parser; undefined when there is none. */
  read(req: Request): string | undefined;
  /** `expiresAt` in ms since 1970. */
  set(res: Response, token: string, expiresAt: number): void;
  clear(res: Response): void;
}

/**
 * No script reads the cookie (HttpOnly), no other site sends it (SameSite=Strict), and it goes to the API alone, where
 * nothing but sign-in and the stream of preferences (an EventSource can send no header) looks at it.
 * `isSecure`: browsers reach the server by https, so the cookie must never go another way.
 */
export function createRefreshCookie(isSecure: boolean): RefreshCookie {
  const options: CookieOptions = { httpOnly: true, sameSite: 'strict', path: '/api', secure: isSecure };
  return {
    read: (req) => {
      const cookies: unknown = req.cookies;
      if (typeof cookies !== 'object' || cookies === null || !Object.hasOwn(cookies, COOKIE_NAME)) return undefined;
      // cookie-parser makes an object of a value that begins with `j:`.
      const value: unknown = Reflect.get(cookies, COOKIE_NAME);
      return typeof value === 'string' ? value : undefined;
    },
    set: (res, token, expiresAt) => void res.cookie(COOKIE_NAME, token, { ...options, expires: new Date(expiresAt) }),
    clear: (res) => void res.clearCookie(COOKIE_NAME, options),
  };
}
