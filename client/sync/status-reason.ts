/** The reasons of the sync status: a closed set of codes. client/reasons.ts has a sentence for each. */
import { isDataAtRisk, type PlatformReason } from '../platform/health.ts';

/**
 * Why the store needs another token. It retries when `retry` is called.
 * - `not-signed-in`: `getToken` returned no token.
 * - `token-rejected`: the server rejected the token without a code.
 * - all others: the code with which the server rejected the token, as in its contract (server/contract.ts).
 */
export type SignInReason =
  | 'not-signed-in'
  | 'token-rejected'
  | 'token-missing'
  | 'token-malformed'
  | 'token-too-long'
  | 'token-wrong-algorithm'
  | 'token-unknown-key'
  | 'token-bad-signature'
  | 'token-not-yet-valid'
  | 'token-expired'
  | 'token-long-lived'
  | 'token-wrong-issuer'
  | 'token-wrong-audience'
  | 'token-no-subject'
  | 'session-ended'
  | 'account-suspended';

/**
 * Why the store is not connected. With a {@link SignInReason} the state is `sign-in-needed`. With all others it is
 * `offline`, and the store retries by itself.
 * - `network-unreachable`: the request failed without a response, or the connection was closed. Browsers do not distinguish a
 *   missing network, a wrong host name and a server whose CORS settings lack this page's origin.
 * - `response-timeout`: nothing arrived in time.
 * - `server-busy`: the server responded with 429 or 503.
 * - `server-error`: the server responded with another 5xx. The gate sends 502 when its CouchDB fails.
 * - `wrong-url`: the server has nothing at the URL.
 * - `wrong-database`: the gate, or a CouchDB, has no database of the name in the URL.
 * - `wrong-base`: the application has mounted the gate at another path than its option `base`.
 * - `redirected`: the server redirected the request. Redirects are not followed, because they would send the token elsewhere.
 * - `html-page`: an HTML page arrived, of a captive portal, an application or a proxy.
 * - `invalid-response`: the response is incomplete or not one of the protocol.
 * - `request-rejected`: the server rejected a request of the sync, or the same revision repeatedly.
 * - `wrong-user`: the token is another user's. A stream then requires sign-in.
 * - `wrong-id-prefix`: the ids of the server's documents have another prefix than `idPrefix`.
 * - `token-unavailable`: `getToken` threw or rejected.
 * - `token-timeout`: `getToken` did not settle in time.
 * - `token-invalid-value`: `getToken` returned something that cannot be a token.
 * - `database-failed`: the local database failed or did not respond, or another tab has replaced it.
 */
export type ConnectionReason =
  | SignInReason
  | 'network-unreachable'
  | 'response-timeout'
  | 'server-busy'
  | 'server-error'
  | 'wrong-url'
  | 'wrong-database'
  | 'wrong-base'
  | 'redirected'
  | 'html-page'
  | 'invalid-response'
  | 'request-rejected'
  | 'wrong-user'
  | 'wrong-id-prefix'
  | 'token-unavailable'
  | 'token-timeout'
  | 'token-invalid-value'
  | 'database-failed';

/** Why the store is not connected, or which part of the browser does not work. Later versions may add reasons. */
export type StatusReason = PlatformReason | ConnectionReason;

/**
 * Returns the reason for the `code` of a 401. A later server may have codes that are not in the type. Any server on the path may
 * send something else, such as an array, or a text that no status should contain.
 */
export const toSignInReason = (code: unknown): SignInReason =>
  typeof code === 'string' && /^(token|session|account)-[a-z-]{1,40}$/.test(code)
    ? (code as SignInReason)
    : 'token-rejected';

/**
 * Returns all reasons in the order of the status: what puts data at risk, what stops the sync, and the rest. `platform` lists
 * the most serious ones first.
 */
export const orderReasons = (
  platform: readonly PlatformReason[],
  connection: ConnectionReason | undefined,
): readonly StatusReason[] => {
  const risks = platform.filter(isDataAtRisk);
  return [...risks, ...(connection ? [connection] : []), ...platform.slice(risks.length)];
};
