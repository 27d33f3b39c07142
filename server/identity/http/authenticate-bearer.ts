import type { UserDocumentId, Username } from '../../../couchdb-design/user-document/user-document.ts';
import type { Caller } from '../../http/caller.ts';
import { tokenRefusal } from '../../http/token-refusal.ts';
import type { AccessMonitor } from '../access/access-monitor.ts';
import type { Tokens } from '../tokens/tokens.ts';

/** A request's headers, with lower-case keys. Node's `headersDistinct` keeps a repeated header, `headers` does not. */
type RequestHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Resolves with the caller. Rejects with 401 when the token is missing or invalid, 502 or 503 when it cannot be checked. */
export type BearerAuthenticator = (headers: RequestHeaders) => Promise<Caller>;

export interface BearerAuthenticatorOptions {
  readonly verify: Tokens['verify'];
  readonly accessMonitor: Pick<AccessMonitor, 'assertActive'>;
  readonly idOf: (username: Username) => UserDocumentId;
}

/** RFC 6750, 2.1. The scheme is case-insensitive (RFC 9110, 11.1). */
const BEARER_PATTERN = /^Bearer +([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*) *$/i;

/** Returns the token of an `Authorization` header, or `undefined` if the header is not well formed. */
export const parseBearerToken = (authorization: string): string | undefined => BEARER_PATTERN.exec(authorization)?.[1];

/**
 * Authenticates by the `Authorization` header only. A token in the URL would end up in logs and histories (RFC 6750, 5.3), and
 * browsers send a cookie with requests that other pages cause.
 */
export function createBearerAuthenticator({
  verify,
  accessMonitor,
  idOf,
}: BearerAuthenticatorOptions): BearerAuthenticator {
  return async (headers) => {
    const header = headers['authorization'];
    const [value, ...others] = typeof header === 'string' ? [header] : (header ?? []);
    if (value === undefined) throw tokenRefusal('token-missing');
    const token = others.length === 0 ? parseBearerToken(value) : undefined;
    if (token === undefined) throw tokenRefusal('token-malformed');
    const claims = await verify(token);
    const caller = { ...claims, ownId: idOf(claims.username) };
    await accessMonitor.assertActive(caller);
    return caller;
  };
}
