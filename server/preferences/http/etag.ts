import { opaqueTagOf } from '../../http/entity-tag.ts';
import { HttpError } from '../../http/errors.ts';
import type { StateToken } from '../../registry/state-token.ts';

/** Returns a state token as an entity tag (RFC 9110, 8.8.3). The token identifies the whole state of the document. */
export const entityTag = (token: StateToken): string => `"${token}"`;

/** Whether the value of `If-Match` or `If-None-Match` is `*`, or a list that contains the tag. No token contains a comma. */
const matchesTag = (header: string, token: StateToken): boolean =>
  header.trim() === '*' || header.split(',').some((tag) => opaqueTagOf(tag.trim()) === token);

/**
 * Throws 412 when `If-Match` does not match the current state. Without the header every state matches. It compares weakly,
 * for the reason in `opaqueTagOf`.
 */
export function assertIfMatch(header: string | undefined, token: StateToken): void {
  if (header === undefined || matchesTag(header, token)) return;
  throw new HttpError(412, 'precondition_failed', 'The preferences have changed. Read them again.', {
    ETag: entityTag(token),
  });
}

/** Whether `If-None-Match` matches the current state. It compares weakly (RFC 9110, 13.1.2). */
export const isNotModified = (header: string | undefined, token: StateToken): boolean =>
  header !== undefined && matchesTag(header, token);
