import type { Request } from 'express';

/**
 * Returns the path at which the application mounted the router that handles the request: what precedes `req.url` in the
 * request's target. `req.baseUrl` lacks the prefix of a framework that is not Express.
 */
export function mountPathOf({ originalUrl, baseUrl, url }: Pick<Request, 'originalUrl' | 'baseUrl' | 'url'>): string {
  if (!originalUrl.startsWith('/')) return baseUrl;
  const path = pathOf(originalUrl);
  const rest = pathOf(url);
  // Express makes `url` a slash where nothing is left of the target.
  return path.endsWith(rest) ? path.slice(0, path.length - rest.length) : path;
}

const pathOf = (target: string): string => target.split('?', 1)[0] ?? '';
