import { randomBytes } from 'node:crypto';
import pLimit, { type LimitFunction } from 'p-limit';
import { z } from 'zod';
import type { Username } from '../../../couchdb-design/user-document/user-document.ts';
import { badGateway, serviceUnavailable } from '../../http/errors.ts';
import { describeFailedResponse, describeMissingResponse, type UpstreamFailure } from '../../http/upstream-failure.ts';
import { parseJson } from '../../lib/json.ts';
import type { Upstream } from '../../upstream/client.ts';

/** Resolves with whether the password is the user's. Rejects with 502 or 503 when CouchDB could not check it. */
export type VerifyPassword = (username: Username, password: string) => Promise<boolean>;

/** In ms, including the wait in the queue. A user's first check takes CouchDB about 0.2 s, and longer under load. */
const TIMEOUT_MS = 15_000;
/** Leaves connections for signed-in users when many users sign in at once. */
const MAX_CONCURRENT_CHECKS = 3;

const sessionResponseSchema = z.object({ ok: z.literal(true), name: z.string(), roles: z.array(z.string()) });

/**
 * Verifies passwords by CouchDB's `POST /_session`, which also counts failures and locks accounts. The request carries no
 * credentials of the gate, or CouchDB would check those instead.
 * https://docs.couchdb.org/en/stable/api/server/authn.html#cookie-authentication
 *
 * Server admins cannot sign in. The service account's name is replaced by a random one: otherwise a client could guess its
 * password, or lock the gate out. The check then takes as long as any other and fails.
 */
export function createPasswordVerifier({
  access: { username: serviceAccount },
  fetch,
}: Pick<Upstream, 'access' | 'fetch'>): VerifyPassword {
  const runLimited = pLimit(MAX_CONCURRENT_CHECKS);
  return async (username, password) => {
    const isServiceAccount = username === serviceAccount;
    const name = isServiceAccount ? `Nobody-${randomBytes(8).toString('hex')}` : username;
    const { status, body, failure } = await postSession(runLimited, fetch, { name, password });
    // 403 means locked after too many failures. It is not distinguished, because it would reveal that the name exists.
    if (status === 401 || status === 403) return false;
    if (status === 429 || status >= 500) throw serviceUnavailable('The database is busy.', failure);
    const parsed = sessionResponseSchema.safeParse(body);
    if (status !== 200 || !parsed.success)
      throw badGateway(`The database could not check a password (status ${status}).`, failure);
    const isSameUser = parsed.data.name === name && !isServiceAccount;
    return isSameUser && !parsed.data.roles.includes('_admin');
  };
}

async function postSession(
  runLimited: LimitFunction,
  fetch: Upstream['fetch'],
  body: unknown,
): Promise<{ status: number; body: unknown; failure: UpstreamFailure }> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  try {
    return await runLimited(async () => {
      const response = await fetch('/_session', {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json' },
        body: JSON.stringify(body),
        // The password must not be sent to any host but the configured one.
        redirect: 'manual',
        signal,
      });
      const responseBody = parseJson(await response.text());
      const { status } = response;
      const failure = describeFailedResponse(status, responseBody, response.headers.get('x-couch-request-id'));
      return { status, body: responseBody, failure };
    });
  } catch (error) {
    throw serviceUnavailable('The database does not answer.', describeMissingResponse(error));
  }
}
