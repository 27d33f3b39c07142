import { HttpError } from '../../http/errors.ts';
import type { StateToken } from '../../registry/state-token.ts';

/** A state token as an entity tag (RFC 9110, 8.8.3): it tells the whole state of the document. */
export const entityTag = (token: StateToken): string => `"${token}"`;

/** Whether one of the tags of `If-Match` or `If-None-Match` is this one; `*` is every one. */
const matchesTag = (header: string, token: StateToken): boolean =>
  header.split(',').some((tag) => [entityTag(token), '*'].includes(tag.trim()));

/** Throws 412 when the caller has seen another state than the one that holds. No header: every state will do. */
export function assertIfMatch(header: string | undefined, token: StateToken): void {
  if (header === undefined || matchesTag(header, token)) return;
  throw new HttpError(412, 'precondition_failed', 'The preferences have changed meanwhile. Read them again.', {
    ETag: entityTag(token),
  });
}

/** Whether the caller has what holds already. A weak tag is as good as a strong one here (RFC 9110, 13.1.2). */
export const isNotModified = (header: string | undefined, token: StateToken): boolean =>
  header !== undefined && matchesTag(header.replaceAll('W/"', '"'), token);
