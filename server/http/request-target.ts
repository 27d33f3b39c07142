import type { IncomingMessage } from 'node:http';

/**
 * Returns the target of the request line. Express and other frameworks strip a mount path from `url`, and keep the whole target in
 * `originalUrl`.
 */
export const requestTarget = (req: IncomingMessage): string =>
  'originalUrl' in req && typeof req.originalUrl === 'string' ? req.originalUrl : (req.url ?? '/');
