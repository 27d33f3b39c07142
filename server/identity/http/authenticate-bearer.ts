import type { UserDocumentId, Username } from '../../../couchdb-design/user-document/user-document.ts';
import { unauthorized } from '../../http/errors.ts';
import type { Caller } from '../../http/caller.ts';
import type { AccessMonitor } from '../access/access-monitor.ts';
import type { Tokens } from '../tokens/tokens.ts';

/** A request's headers, keys in lower case. `headersDistinct` of Node's request shows a doubled header, `headers` does not. */
type RequestHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Rejects with 401 when the request does not prove who it comes from, with 502 or 503 when that cannot be found out. */
export type BearerAuthenticator = (headers: RequestHeaders) => Promise<Caller>;

export interface BearerAuthenticatorOptions {
  readonly verify: Tokens['verify'];
  readonly accessMonitor: Pick<AccessMonitor, 'assertActive'>;
  readonly idOf: (username: Username) => UserDocumentId;
}

/** RFC 6750, 2.1; the scheme's case is free by RFC 9110, 11.1. */
const BEARER_PATTERN = /^Bearer +([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*) *$/i;

/**
 * Believes the `Authorization` header alone. A token in the URL would lie in logs and histories (RFC 6750, 5.3), and a
 * cookie would be sent along with what any other page makes the browser ask for.
 */
export function createBearerAuthenticator({
  verify,
  accessMonitor,
  idOf,
}: BearerAuthenticatorOptions): BearerAuthenticator {
  return async (headers) => {
    const header = headers['authorization'];
    const [value, ...more] = typeof header === 'string' ? [header] : (header ?? []);
    if (value === undefined) throw unauthorized('Sign in, and send the access token as "Authorization: Bearer".');
    const token = more.length === 0 ? BEARER_PATTERN.exec(value)?.[1] : undefined;
    if (token === undefined) throw unauthorized('The Authorization header is not one bearer token.');
    const claims = await verify(token);
    const caller = { ...claims, ownId: idOf(claims.username) };
    await accessMonitor.assertActive(caller);
    return caller;
  };
}
