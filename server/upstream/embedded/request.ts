import type { IncomingMessage } from 'node:http';
import { badRequest, HttpError, tooLarge } from '../../http/errors.ts';
import type { Json } from './pouchdb.ts';

/** A request's path segments and query as CouchDB reads them. */
export interface EnginePath {
  readonly parts: readonly string[];
  readonly query: ReadonlyMap<string, string>;
}

/** Drops empty segments, decodes each segment once, and keeps the last value of each query name, in lower case. */
export function parsePath(url: string): EnginePath {
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  const search = mark < 0 ? '' : url.slice(mark + 1);
  const parts = path
    .split('/')
    .filter((part) => part !== '')
    .map(decode);
  const query = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(search)) query.set(name.toLowerCase(), value);
  return { parts, query };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw badRequest('The path is not valid percent-encoded UTF-8.');
  }
}

/** Returns the URL in canonical form, so that another parser cannot read it differently. */
export function formatPath({ parts, query }: EnginePath): string {
  const search = new URLSearchParams([...query]).toString();
  return `/${parts.map(encodeURIComponent).join('/')}${search === '' ? '' : `?${search}`}`;
}

/** CouchDB's limit is 4 GB. A batch of a hundred documents of 64 KiB is far below this one. In bytes. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;

/** Resolves with the body as a JSON object; `{}` for an empty body. Rejects with 400 or 413. */
export async function readJson(request: IncomingMessage): Promise<Json> {
  const value = await readValue(request);
  return value === undefined ? {} : asObject(value);
}

/** Resolves with the body as any JSON value; undefined for an empty body. Rejects with 400 or 413. */
export async function readValue(request: IncomingMessage): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw tooLarge('The request body is too large.');
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString('utf8');
  return text.trim() === '' ? undefined : parseJson(text);
}

/** Parses JSON. Throws 400 when it is malformed. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw badRequest('invalid UTF-8 JSON');
  }
}

/** Returns the value if it is a JSON object. Throws 400 with this reason otherwise. */
export function asObject(value: unknown, reason = 'Request body must be a JSON object'): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw badRequest(reason);
  return value as Json;
}

/** Returns whether a query parameter is `true`. */
export const readFlag = (query: ReadonlyMap<string, string>, name: string): boolean => query.get(name) === 'true';

/** Returns a query parameter as a non-negative integer; undefined when it is missing. Throws 400 for anything else. */
export function parseCount(query: ReadonlyMap<string, string>, name: string): number | undefined {
  const text = query.get(name);
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw new HttpError(400, 'query_parse_error', `Invalid value for ${name}.`);
  return Number(text);
}
