import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { ServerScope } from 'nano';
import { statusOf } from '../../../upstream/client.ts';
import { SERVICE_ROLE } from '../../../upstream/schema/security-objects.ts';
import { SetupError } from '../../../upstream/setup-error.ts';

/** 256 random bits, in characters without a meaning to a shell, an .env file or a URL. */
export const generatePassword = (): string => randomBytes(32).toString('base64url');

const accountDocumentId = (username: string): string => `org.couchdb.user:${username}`;

/** Creates the service account, once CouchDB checks accounts. */
export async function createAccount(couch: ServerScope, username: string, password: string): Promise<void> {
  await waitForAuthDesign(couch);
  const account = { _id: accountDocumentId(username), name: username, type: 'user', roles: [SERVICE_ROLE], password };
  await couch.use<object>('_users').insert(account);
}

/** Keeps the members that are not in `changes`. */
export async function updateAccount(
  couch: ServerScope,
  username: string,
  changes: { readonly password?: string; readonly roles?: readonly string[] },
): Promise<void> {
  const users = couch.use<object>('_users');
  await users.insert({ ...(await users.get(accountDocumentId(username))), ...changes });
}

/** Removes an account, which can then no longer sign in. */
export async function deleteAccount(couch: ServerScope, username: string): Promise<void> {
  const users = couch.use<object>('_users');
  const { _id, _rev } = await users.get(accountDocumentId(username));
  await users.destroy(_id, _rev);
}

const MAX_WAIT_MS = 30_000;
const POLL_INTERVAL_MS = 250;

/**
 * Waits for `_users/_design/_auth`, which CouchDB writes some time after the database is created. Without it every account
 * that may create accounts may give one the role _admin (seen with CouchDB 3.4.3 in a database created seconds before).
 */
async function waitForAuthDesign(couch: ServerScope): Promise<void> {
  const deadline = Date.now() + MAX_WAIT_MS;
  while (Date.now() < deadline) {
    try {
      await couch.use('_users').get('_design/_auth');
      return;
    } catch (error) {
      if (statusOf(error) !== 404) throw error;
    }
    await delay(POLL_INTERVAL_MS);
  }
  throw new SetupError(
    'CouchDB has not written _design/_auth, which checks accounts, to the database _users. Restart CouchDB, and run this again.',
  );
}
