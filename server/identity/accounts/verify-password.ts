import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Username } from '../../../couchdb-design/user-document/user-document.ts';
import { badGateway, serviceUnavailable } from '../../http/errors.ts';
import { limitConcurrency, type ConcurrencyLimit } from '../../lib/concurrency-limit.ts';
import type { Upstream } from '../../upstream/client.ts';

/** Whether it is this user's password. Rejects with 502 or 503 when CouchDB did not say. */
export type VerifyPassword = (username: Username, password: string) => Promise<boolean>;

/** A user's first check costs CouchDB some 0.2 s, and more under load; waiting for a turn is part of it. In ms. */
const TIMEOUT_MS = 15_000;
/** So that a morning of sign-ins leaves connections to those who are signed in. */
const MAX_CONCURRENT_CHECKS = 3;

const sessionResponseSchema = z.object({ ok: z.literal(true), name: z.string(), roles: z.array(z.string()) });

/**
 * Asks CouchDB's `POST /_session`, which also counts failures and locks. The request carries no credentials of ours,
 * or it would be answered for the service account.
 * https://docs.couchdb.org/en/stable/api/server/authn.html#cookie-authentication
 *
 * Server admins have no account here. The service account's password is not even tried: the gate would be a way to
 * guess it, and to lock the gate out. What is asked instead costs the same and fails.
 */
export function createPasswordVerifier({
  access: { username: serviceAccount },
  fetch,
}: Pick<Upstream, 'access' | 'fetch'>): VerifyPassword {
  const runLimited = limitConcurrency(MAX_CONCURRENT_CHECKS);
  return async (username, password) => {
    const isServiceAccount = username === serviceAccount;
    const name = isServiceAccount ? `Nobody-${randomBytes(8).toString('hex')}` : username;
    const { status, body } = await postSession(runLimited, fetch, { name, password });
    // 403 is CouchDB's "locked after too many failures": not told apart, for it would tell that the name exists.
    if (status === 401 || status === 403) return false;
    if (status === 429 || status >= 500) throw serviceUnavailable('The database is busy.');
    const parsed = sessionResponseSchema.safeParse(body);
    if (status !== 200 || !parsed.success)
      throw badGateway(`The database did not check a password (status ${status}).`);
    const isSameUser = parsed.data.name === name && !isServiceAccount;
    return isSameUser && !parsed.data.roles.includes('_admin');
  };
}

async function postSession(
  runLimited: ConcurrencyLimit,
  fetch: Upstream['fetch'],
  body: unknown,
): Promise<{ status: number; body: unknown }> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  try {
    return await runLimited(async () => {
      const response = await fetch('/_session', {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json' },
        body: JSON.stringify(body),
        // The password goes to no other place than the one that is configured.
        redirect: 'manual',
        signal,
      });
      return { status: response.status, body: parseJson(await response.text()) };
    });
  } catch {
    throw serviceUnavailable('The database does not answer.');
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
