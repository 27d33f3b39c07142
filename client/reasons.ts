/**
 * The sentences for the reasons of the status. They are not part of the main entry, so a page that does not show them does
 * not load them.
 */
import type { PlatformReason } from './platform/health.ts';
import type { ConnectionReason, SignInReason, StatusReason } from './sync/status-reason.ts';

export type { StatusReason } from './sync/status-reason.ts';

const PLATFORM: Readonly<Record<PlatformReason, string>> = {
  'database-unavailable':
    'This browser stores no data for this page: the window is private, or there is no space left. Everything works while the page is open, but nothing is kept when you close it.',
  'storage-unavailable':
    'This browser has no space for changes, or does not store them. Keep the page open until your changes are sent.',
  'locks-unavailable':
    'The tabs of this browser cannot coordinate, so each one syncs on its own. If changes stay unsent, close the other tabs.',
  'channel-unavailable': 'The tabs of this browser cannot exchange messages, so each one syncs on its own.',
  'clock-wrong':
    'The clock of this device is wrong: set its date and time zone (until then, changes are dated by the server’s clock).',
};

const SIGN_IN: Readonly<Record<SignInReason, string>> = {
  'not-signed-in': 'There is no access token: sign in, and then call retry().',
  'token-rejected': 'The server rejected the access token: sign in again, or read the reason in the response.',
  'token-missing': 'The request arrived without a token: check that no proxy removes the Authorization header.',
  'token-malformed': 'The token is not a JWT with an expiry: return the access token itself from getToken.',
  'token-too-long': 'The token is longer than the server accepts: configure fewer claims at the identity provider.',
  'token-wrong-algorithm':
    'The server does not accept the algorithm of the token: configure the server with the keys of this token’s issuer.',
  'token-unknown-key':
    'The server does not have the key of the token: set JWKS_URL or JWT_PUBLIC_KEY to the keys of this token’s issuer.',
  'token-bad-signature':
    'The signature of the token is wrong: configure the server with the key or secret of this token’s issuer.',
  'token-not-yet-valid': 'The token is not valid yet: set the clocks of the server and the identity provider.',
  'token-expired': 'The token has expired: return another one when getToken is called with it, or sign in again.',
  'token-long-lived':
    'The token is valid for longer than the server accepts: configure a shorter lifetime at the identity provider.',
  'token-wrong-issuer':
    'The token is from another issuer: set JWT_ISSUER to its iss, or return a token of that issuer.',
  'token-wrong-audience': 'The token is for another audience: set JWT_AUDIENCE to its aud, or request that audience.',
  'token-no-subject': 'The token does not name its user: configure the identity provider to send the claim sub.',
  'session-ended': 'The session has ended: sign in again.',
  'account-suspended': 'The account is suspended: contact the operator of the server.',
};

const CONNECTION: Readonly<Record<Exclude<ConnectionReason, SignInReason>, string>> = {
  'network-unreachable':
    'The server cannot be reached: check the network, the URL, and whether CORS_ORIGINS of the server has this page’s origin.',
  'response-timeout': 'The server did not respond in time: check the network and the load of the server.',
  'server-busy':
    'The server is busy, is starting, or does not reach its database or identity provider: read its log if this stays.',
  'server-error': 'The server or its database failed: read the log of the server, and run its doctor.',
  'wrong-url': 'The server has nothing at this URL: set url to that of the gate’s database, or of its event stream.',
  'wrong-database': 'The gate has another database: end url with its name, by default user_registry.',
  'wrong-base': 'The gate is mounted at another path than its option base: remove base, or set it to that path.',
  redirected: 'The server redirected the request: set url to the final address, or sign in to the network.',
  'html-page': 'A web page arrived instead of data: sign in to the network, or set url to the gate’s own address.',
  'invalid-response':
    'The response is not one of the gate: check url, and that no proxy changes or caches its responses.',
  'request-rejected': 'The server rejected a request: read the reason in the response and in the log of the server.',
  'wrong-user':
    'The token is another user’s: set username to the claim of the token (sub), unchanged, or return that user’s token from getToken.',
  'wrong-id-prefix': 'The server has another prefix of document ids: set idPrefix to the one of the server.',
  'token-unavailable': 'getToken rejected: check the network, and the error that it threw.',
  'token-timeout': 'getToken did not settle in time: let it reject when its own request times out.',
  'token-invalid-value': 'getToken returned a value that is not a token: return a string without spaces, or undefined.',
  'database-failed':
    'The local database failed, did not respond, or was replaced by another tab: wait until it is opened again.',
};

const SENTENCES: Readonly<Record<StatusReason, string>> = { ...PLATFORM, ...SIGN_IN, ...CONNECTION };

/** All reasons, for an application that has its own texts. */
export const REASONS = Object.keys(SENTENCES) as readonly StatusReason[];

/**
 * Returns a sentence for a reason: what is wrong, and what to do.
 *
 * @param reason - A reason of `status().reasons`.
 * @returns The sentence, in English.
 * @example
 * ```ts
 * import { describeReason } from '@pouchgate/client/reasons';
 *
 * const { reason } = store.status();
 * if (reason !== undefined) console.warn(describeReason(reason));
 * ```
 */
export const describeReason = (reason: StatusReason): string =>
  // A later version of the server, or of the page in another tab, may have other codes.
  (SENTENCES as Partial<typeof SENTENCES>)[reason] ?? SENTENCES['token-rejected'];
