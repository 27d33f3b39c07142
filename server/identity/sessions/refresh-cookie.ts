import type { CookieOptions, Request, Response } from 'express';

const COOKIE_NAME = 'pouchgate_refresh';

/** The cookie that carries the refresh token between the browser and the sign-in routes. */
export interface RefreshCookie {
  /** Returns the refresh token of a request that cookie-parser has handled; undefined when there is none. */
  read(req: Request): string | undefined;
  /** `expiresAt` in ms since 1970. */
  set(res: Response, token: string, expiresAt: number): void;
  clear(res: Response): void;
}

/**
 * Scripts cannot read the cookie (HttpOnly), other sites cannot send it (SameSite=Strict), and only `/api` receives it. There,
 * only the sign-in routes and the preferences stream read it, because an EventSource cannot send a header.
 *
 * @param isSecure whether browsers use https. The cookie is then never sent over http.
 */
export function createRefreshCookie(isSecure: boolean): RefreshCookie {
  const options: CookieOptions = { httpOnly: true, sameSite: 'strict', path: '/api', secure: isSecure };
  return {
    read: (req) => {
      const cookies: unknown = req.cookies;
      if (typeof cookies !== 'object' || cookies === null || !Object.hasOwn(cookies, COOKIE_NAME)) return undefined;
      // cookie-parser parses a value that starts with `j:` into an object.
      const value: unknown = Reflect.get(cookies, COOKIE_NAME);
      return typeof value === 'string' ? value : undefined;
    },
    set: (res, token, expiresAt) => void res.cookie(COOKIE_NAME, token, { ...options, expires: new Date(expiresAt) }),
    clear: (res) => void res.clearCookie(COOKIE_NAME, options),
  };
}
