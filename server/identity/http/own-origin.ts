import type { Request, RequestHandler } from 'express';
import { forbidden } from '../../http/errors.ts';

/** Throws 403 for a request that a page of another origin made the browser send. */
export type AssertOwnOrigin = (req: Pick<Request, 'headersDistinct'>) => void;

/**
 * Creates the check of requests that a cookie authenticates, or that set one. SameSite alone allows sibling subdomains.
 *
 * - `Origin` must be the deployment's own: `PUBLIC_URL` or, without it, any at the host that the request names. Browsers send it
 *   with every POST, also over plain http.
 * - `Sec-Fetch-Site` (https://www.w3.org/TR/fetch-metadata/) must be `same-origin`, or `none`: a request by the user, such as a
 *   bookmark. Browsers send it over https and to loopback only, also with a GET that has no `Origin`.
 *
 * A request with neither is from another kind of client, which no page controls.
 *
 * @param publicUrl - The deployment's origin; undefined if it is the one that the server listens on.
 * @returns The check.
 */
export function createOwnOriginCheck(publicUrl: string | undefined): AssertOwnOrigin {
  return ({ headersDistinct }) => {
    const { origin = [], host = [], 'sec-fetch-site': site = [] } = headersDistinct;
    const isOwnSite = site.every((value) => value === 'same-origin' || value === 'none');
    const isOwn = (value: string): boolean =>
      publicUrl === undefined ? host.length === 1 && hostOf(value) === host[0]?.toLowerCase() : value === publicUrl;
    // Without PUBLIC_URL a development proxy may have replaced `Host`. No page can set Sec-Fetch-Site.
    const isVouchedFor = publicUrl === undefined && site.length > 0 && isOwnSite;
    if (isOwnSite && (isVouchedFor || origin.every(isOwn))) return;
    throw forbidden('This request must come from a page of this origin.');
  };
}

/** The host and port of an origin, without the scheme's own port, as browsers send them in `Host`. */
const hostOf = (origin: string): string | undefined => (URL.canParse(origin) ? new URL(origin).host : undefined);

/** Rejects with 403 as the check does. */
export const requireOwnOrigin =
  (assertOwnOrigin: AssertOwnOrigin): RequestHandler =>
  (req, _res, next) => {
    assertOwnOrigin(req);
    next();
  };
