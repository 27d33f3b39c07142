import type { CookieOptions, Request, Response } from 'express';
import { cookieValues } from './cookie-values.ts';

/** A cookie of one host, which scripts cannot read and other sites cannot send. */
export interface HostCookie {
  /** Returns the values of all cookies of its name. */
  readonly read: (req: Pick<Request, 'headers'>) => readonly string[];
  /** `expiresAt` in ms since 1970. */
  readonly set: (res: Response, value: string, expiresAt: number) => void;
  readonly clear: (res: Response) => void;
}

/**
 * Creates a cookie that is `HttpOnly` and `SameSite=Strict`. Over https it has the prefix `__Host-`: a browser accepts such a
 * cookie only from the host itself, over https and for all paths, so no page of a sibling subdomain can replace it
 * (https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Set-Cookie#cookie_prefixes). Over http browsers reject the
 * prefix; the cookie is then sent to `/api` only.
 *
 * @param name - The name, without the prefix.
 * @param isSecure - Whether browsers use https.
 * @returns The cookie.
 */
export function createHostCookie(name: string, isSecure: boolean): HostCookie {
  const fullName = isSecure ? `__Host-${name}` : name;
  const path = isSecure ? '/' : '/api';
  const options: CookieOptions = { httpOnly: true, sameSite: 'strict', path, secure: isSecure };
  return {
    read: ({ headers }) => cookieValues(headers.cookie, fullName),
    set: (res, value, expiresAt) => void res.cookie(fullName, value, { ...options, expires: new Date(expiresAt) }),
    clear: (res) => void res.clearCookie(fullName, options),
  };
}
