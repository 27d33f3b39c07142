import type { Request, RequestHandler } from 'express';
import { forbidden } from '../../http/errors.ts';

/**
 * Throws 403 for a request that a page of another origin made the browser send, according to Fetch Metadata
 * (https://www.w3.org/TR/fetch-metadata/). SameSite alone allows sibling subdomains. `none` is a request by the user, such as a
 * bookmark. Every current browser sends the header, so a request without it is from another kind of client.
 */
export function assertSameOrigin(req: Pick<Request, 'headersDistinct'>): void {
  const site = req.headersDistinct['sec-fetch-site'];
  if (site !== undefined && !site.every((value) => value === 'same-origin' || value === 'none')) {
    throw forbidden('This request must come from a page of this origin.');
  }
}

/** Rejects with 403 as `assertSameOrigin` does. */
export const requireSameOrigin: RequestHandler = (req, _res, next) => {
  assertSameOrigin(req);
  next();
};
