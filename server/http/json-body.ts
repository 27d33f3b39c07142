import type { IncomingMessage, ServerResponse } from 'node:http';
import { findExcess, type JsonLimits } from '../lib/json-scan.ts';
import { badRequest, HttpError, tooLarge } from './errors.ts';

/** An error of body-parser, which adds properties to it. The error handler of the router sends its cause. */
class BodyError extends Error {
  readonly status: number;

  constructor(cause: HttpError) {
    super(cause.message, { cause });
    this.status = cause.status;
  }
}

/**
 * Throws for a body that exceeds a limit: 400 if it is nested too deeply, 413 if it has too many values. Call it before the body is
 * parsed.
 *
 * @param bytes The body in UTF-8.
 */
export function checkJson(bytes: ArrayLike<number>, limits: JsonLimits): void {
  const excess = findExcess(bytes, limits);
  if (excess === undefined) return;
  const reason = `The body ${excess.message}.`;
  throw excess.limit === 'depth' ? badRequest(reason) : tooLarge(reason);
}

/**
 * Returns the option `verify` of `express.json`, which is called before a body is parsed. It rejects what `checkJson` does.
 *
 * @example
 * express.json({ limit: '16kb', verify: verifyJson({ maxDepth: 8, maxValues: 100 }) })
 */
export const verifyJson =
  (limits: JsonLimits) =>
  (_req: IncomingMessage, _res: ServerResponse, bytes: ArrayLike<number>, encoding: string): void => {
    // The scan reads UTF-8. The parser would also decode UTF-16 and UTF-32.
    if (encoding !== 'utf-8') throw new BodyError(new HttpError(415, 'bad_content_type', 'The body must be UTF-8.'));
    try {
      checkJson(bytes, limits);
    } catch (error) {
      throw error instanceof HttpError ? new BodyError(error) : error;
    }
  };
