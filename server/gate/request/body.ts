import type { IncomingMessage } from 'node:http';
import express from 'express';
import { badRequest, bodyWasRead, HttpError, tooLarge } from '../../http/errors.ts';
import { checkJson } from '../../http/json-body.ts';
import { BODY_LIMITS, MAX_BATCH_BYTES, type BodyLimits } from './body-limits.ts';

/**
 * Whether a batch's Content-Length is over the limit, so that `OversizeBatchReader` answers it. A batch without a length
 * is read like any other.
 */
export function isOversize({ headers }: Pick<IncomingMessage, 'headers'>): boolean {
  const length = Number(headers['content-length'] ?? 0);
  return (headers['content-encoding'] ?? 'identity') === 'identity' && length > MAX_BATCH_BYTES;
}

const bodyReaders = new Map<number, express.RequestHandler>(
  Object.values(BODY_LIMITS).map(({ maxBytes }) => [
    maxBytes,
    // Never inflated: a few compressed bytes could otherwise expand to gigabytes.
    express.raw({ type: () => true, limit: maxBytes, inflate: false }),
  ]),
);

/** Throws on invalid UTF-8, because replacement characters would change the text. A byte order mark is not valid JSON. */
const UTF_8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** CouchDB accepts JSON only with this type, and so does the gate. RFC 9110, section 8.3. */
const JSON_TYPE = /^application\/json\s*(;|$)/i;

/** Throws 415 unless the Content-Type is JSON. */
export function checkJsonType(req: express.Request): void {
  if (JSON_TYPE.test(req.headers['content-type'] ?? '')) return;
  throw new HttpError(415, 'bad_content_type', 'Content-Type must be application/json');
}

/**
 * Reads a request's body as JSON. It is parsed once, after a scan for what it may contain, and only parsed values are sent upstream,
 * never the bytes.
 *
 * @returns The value; undefined for an empty body.
 * @throws HttpError 400, 413 or 415; 500 when the application has consumed the body.
 */
export async function readJson(req: express.Request, res: express.Response, limits: BodyLimits): Promise<unknown> {
  const bytes = await readBytes(req, res, limits.maxBytes);
  if (bytes.length === 0) return undefined;
  checkJson(bytes, limits);
  return parseBytes(bytes);
}

/** Parses JSON in UTF-8. Throws 400 for any other text. */
export function parseBytes(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(UTF_8.decode(bytes)) as unknown;
  } catch {
    throw badRequest('invalid UTF-8 JSON');
  }
}

/**
 * Reads a request's body of JSON.
 *
 * @param limit The largest body, in bytes.
 * @throws HttpError 400, 413 or 415; 500 when the application has consumed the body.
 */
export async function readBytes(req: express.Request, res: express.Response, limit: number): Promise<Uint8Array> {
  checkJsonType(req);
  // The parser would treat a stream that was already read as an empty body.
  if (req.readableDidRead) throw bodyWasRead();
  const read: express.RequestHandler =
    bodyReaders.get(limit) ?? express.raw({ type: () => true, limit, inflate: false });
  await new Promise<void>((resolve, reject) => {
    read(req, res, (error?: unknown) => {
      if (error === undefined || error === null) resolve();
      else reject(toBodyError(error, limit));
    });
  });
  const body: unknown = req.body;
  if (body instanceof Uint8Array) return body;
  // The application's body parser ran first. It has other limits, and its errors are not what PouchDB expects.
  if (body !== undefined) throw bodyWasRead();
  return new Uint8Array();
}

/** body-parser reports the kind of error in `type`. https://github.com/expressjs/body-parser#errors */
function toBodyError(error: unknown, limit: number): HttpError {
  const type: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, 'type') : undefined;
  if (type === 'entity.too.large') return tooLarge(`The body has more than ${limit} bytes.`);
  if (type === 'encoding.unsupported') {
    return new HttpError(415, 'bad_content_type', 'A compressed body is not accepted.');
  }
  return badRequest('The body could not be read.');
}
