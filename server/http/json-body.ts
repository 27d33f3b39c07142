import type { IncomingMessage, ServerResponse } from 'node:http';
import { findExcess, type JsonLimits } from '../lib/json-scan.ts';
import { badRequest, HttpError } from './errors.ts';

/** An error of body-parser, which adds properties to it. The error handler of the router sends its cause. */
class BodyError extends Error {
  readonly status: number;

  constructor(cause: HttpError) {
    super(cause.message, { cause });
    this.status = cause.status;
  }
}

/**
 * Returns the option `verify` of `express.json`, which is called before a body is parsed. A body that exceeds the limits is 400.
 *
 * @example
 * express.json({ limit: '16kb', verify: verifyJson({ maxDepth: 8, maxValues: 100 }) })
 */
export const verifyJson =
  (limits: JsonLimits) =>
  (_req: IncomingMessage, _res: ServerResponse, bytes: ArrayLike<number>, encoding: string): void => {
    // The scan reads UTF-8. The parser would also decode UTF-16 and UTF-32.
    if (encoding !== 'utf-8') throw new BodyError(new HttpError(415, 'bad_content_type', 'The body must be UTF-8.'));
    const excess = findExcess(bytes, limits);
    if (excess !== undefined) throw new BodyError(badRequest(`The body ${excess}.`));
  };
