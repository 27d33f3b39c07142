/** Explains a response that is not one of Pouchgate's protocol, or that rejects a request. */
import type { ConnectionReason } from '../status-reason.ts';
import { isDocumentEndpoint, type ReplicationResponseBody } from './validate-response.ts';

/** The document of a store. */
export interface ExpectedDocument {
  readonly store: { readonly id: string };
  readonly idPrefix: string;
}

export interface UnexpectedResponse {
  readonly status: number;
  readonly text: string;
  /** The parsed text; undefined if it is not JSON. */
  readonly body: Partial<ReplicationResponseBody> | undefined;
  /** The last segment of the URL's path. */
  readonly endpoint: string;
}

/** Returns the reason for a response. `expected` is the store's document; a stream has none. */
export function explainResponse(
  { status, text, body, endpoint }: UnexpectedResponse,
  expected?: ExpectedDocument,
): ConnectionReason {
  if (status === 429 || status === 503) return 'server-busy';
  if (body?.error === 'wrong_base') return 'wrong-base';
  // 511 is the status of a captive portal (RFC 6585, 6).
  if (status >= 500 && status !== 511) return 'server-error';
  // The gate creates a user's own document, so it lacks only those of others.
  if (isDocumentEndpoint(endpoint) && status === 404 && body?.error !== undefined) return 'wrong-user';
  // Servers of static files respond to a POST with 405.
  if (status === 404 || status === 405)
    // The response of the gate, and of CouchDB, to the name of another database.
    return body?.reason === 'Database does not exist.' ? 'wrong-database' : 'wrong-url';
  // Browsers give a redirect that is not followed the status 0.
  if (status === 0 || (status >= 300 && status < 400)) return 'redirected';
  if (/^\s*</.test(text)) return 'html-page';
  if (status >= 400) return 'request-rejected';
  const found: unknown = body?.results?.[0]?.id;
  if (!expected || typeof found !== 'string' || found === expected.store.id) return 'invalid-response';
  return hasOtherPrefix(found, expected) ? 'wrong-id-prefix' : 'wrong-user';
}

/**
 * Whether a document is that of the expected user, with another prefix. The id `user_prefs_alice` has the prefix
 * `user_prefs_` rather than the user `prefs_alice`, and `user_joann` is not that of `ann`.
 */
function hasOtherPrefix(found: string, { store: { id }, idPrefix }: ExpectedDocument): boolean {
  const username = id.slice(idPrefix.length);
  const isPrefix = !found.startsWith(idPrefix) || /[_.-]$/.test(found.slice(0, -username.length));
  return isPrefix && found.endsWith(username);
}
