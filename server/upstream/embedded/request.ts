import type { IncomingMessage } from 'node:http';
import { badRequest, HttpError, tooLarge } from '../../http/errors.ts';
import type { Json } from './pouchdb.ts';

/** The path's parts and the query as CouchDB reads them: empty parts fall away, each part is decoded once, query keys
 * are in lower case and the last one of a name counts. */
export interface EnginePath {
  readonly parts: readonly string[];
  readonly query: ReadonlyMap<string, string>;
}

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

/** The same request in one spelling only, for what reads URLs in a way of its own. */
export function formatPath({ parts, query }: EnginePath): string {
  const search = new URLSearchParams([...query]).toString();
  return `/${parts.map(encodeURIComponent).join('/')}${search === '' ? '' : `?${search}`}`;
}

/** CouchDB's own limit for a request is 4 GB; a batch of a hundred documents of 64 KiB is far below this. In bytes. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;

/** The body as a JSON object; `{}` when there is none. */
export async function readJson(request: IncomingMessage): Promise<Json> {
  const value = await readValue(request);
  return value === undefined ? {} : asObject(value);
}

/** The body as any JSON value; undefined when there is none. */
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

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw badRequest('invalid UTF-8 JSON');
  }
}

export function asObject(value: unknown, reason = 'Request body must be a JSON object'): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw badRequest(reason);
  return value as Json;
}

export const readFlag = (query: ReadonlyMap<string, string>, name: string): boolean => query.get(name) === 'true';

/** A query value that must be a whole number, 0 or more. */
export function parseCount(query: ReadonlyMap<string, string>, name: string): number | undefined {
  const text = query.get(name);
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw new HttpError(400, 'query_parse_error', `Invalid value for ${name}.`);
  return Number(text);
}
