import type { HttpRequest } from './http/http-client.ts';

const MAX_BODY_LENGTH = 160;
/** Headers that every request has. */
const COMMON_HEADERS: ReadonlySet<string> = new Set(['Authorization', 'Content-Type', 'Host']);

/** Describes a request on one line. Credentials are omitted. */
export function describeRequest({ method, target, headers = {}, body }: HttpRequest): string {
  const special = Object.entries(headers)
    .filter(([name]) => !COMMON_HEADERS.has(name))
    .map(([name, value]) => `${name}: ${name === 'Cookie' ? '…' : [value].flat().join(' | ')}`);
  const parts = [`${method} ${shorten(target)}`, ...special, ...(body === undefined ? [] : [shorten(body)])];
  return parts.join(' · ');
}

const shorten = (text: string): string =>
  text.length <= MAX_BODY_LENGTH ? text : `${text.slice(0, MAX_BODY_LENGTH)}… (${text.length} characters)`;
