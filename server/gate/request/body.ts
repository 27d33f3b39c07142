import type { IncomingMessage } from 'node:http';
import type express from 'express';
import { badRequest, bodyWasRead, HttpError } from '../../http/errors.ts';
import { checkJson } from '../../http/json-body.ts';
import type { RunTurn } from '../../lib/fair-turns.ts';
import { MAX_BATCH_BYTES, type BodyLimits } from './body-limits.ts';
import { readBody, type ReadBodyOptions } from './read-body.ts';

/**
 * Whether a batch's Content-Length is over the limit, so that `OversizeBatchReader` answers it. A batch without a length
 * is read like any other.
 */
export function isOversize({ headers }: Pick<IncomingMessage, 'headers'>): boolean {
  const length = Number(headers['content-length'] ?? 0);
  return (headers['content-encoding'] ?? 'identity') === 'identity' && length > MAX_BATCH_BYTES;
}

/** In bytes. A larger body is read at its user's turn: until then it occupies no more memory than the connection's buffers. */
const SMALL_BODY_BYTES = 64 * 1024;

/** A request's share of its user's memory and turns. */
export interface BodyShare extends Omit<ReadBodyOptions, 'limit'> {
  readonly runTurn: RunTurn;
}

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
 * never the bytes. A large body is read at its user's turn, and parsed at another one.
 *
 * @returns The value; undefined for an empty body.
 * @throws HttpError 400, 408, 413, 415, 499 or 503; 500 when the application has consumed the body.
 */
export async function readJson(req: express.Request, limits: BodyLimits, share: BodyShare): Promise<unknown> {
  const bytes = await readBytes(req, limits.maxBytes, share);
  if (bytes.length === 0) return undefined;
  return share.runTurn(() => {
    checkJson(bytes, limits);
    return parseBytes(bytes);
  });
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
 * Reads a request's body of JSON. A large body is read at its user's turn.
 *
 * @param limit The largest body, in bytes.
 * @throws HttpError 400, 408, 413, 415, 499 or 503; 500 when the application has consumed the body.
 */
export async function readBytes(req: express.Request, limit: number, share: BodyShare): Promise<Uint8Array> {
  checkJsonType(req);
  const { headers } = req;
  // The application's body parser ran first. It has other limits, and its errors are not what PouchDB expects.
  if (req.readableDidRead || req.body !== undefined) throw bodyWasRead();
  const isChunked = headers['transfer-encoding'] !== undefined;
  const length = Number(headers['content-length'] ?? 0);
  if (!isChunked && length === 0) return new Uint8Array();
  // Never inflated: a few compressed bytes could otherwise expand to gigabytes.
  if ((headers['content-encoding'] ?? 'identity').toLowerCase() !== 'identity')
    throw new HttpError(415, 'bad_content_type', 'A compressed body is not accepted.');
  if (isChunked || length > SMALL_BODY_BYTES) await share.runTurn(() => undefined);
  return readBody(req, { ...share, limit });
}
