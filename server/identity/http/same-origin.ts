import type { Request, RequestHandler } from 'express';
import { forbidden } from '../../http/errors.ts';

/**
 * Refuses what a page of another origin made the browser send, as far as the browser says so (Fetch Metadata,
 * https://www.w3.org/TR/fetch-metadata/): SameSite alone lets sibling subdomains through. `none` is a person's own
 * doing; no header at all is no browser of today. Throws 403.
 */
export function assertSameOrigin(req: Pick<Request, 'headersDistinct'>): void {
  const site = req.headersDistinct['sec-fetch-site'];
  if (site !== undefined && !site.every((value) => value === 'same-origin' || value === 'none')) {
    throw forbidden('This request has to come from the page itself.');
  }
}

export const requireSameOrigin: RequestHandler = (req, _res, next) => {
  assertSameOrigin(req);
  next();
};
