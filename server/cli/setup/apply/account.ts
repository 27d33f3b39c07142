import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { ServerScope } from 'nano';
import { statusOf } from '../../../upstream/client.ts';
import { SERVICE_ROLE } from '../../../upstream/schema/security-objects.ts';
import { SetupError } from '../../../upstream/setup-error.ts';

/** As good as a key, and nothing that a shell, an .env file or a URL would read otherwise. */
export const generatePassword = (): string => randomBytes(32).toString('base64url');

const accountDocumentId = (username: string): string => `org.couchdb.user:${username}`;

export async function createAccount(couch: ServerScope, username: string, password: string): Promise<void> {
  await waitForAuthDesign(couch);
  const account = { _id: accountDocumentId(username), name: username, type: 'user', roles: [SERVICE_ROLE], password };
  await couch.use<object>('_users').insert(account);
}

/** What is not in `changes` stays as it is. */
export async function updateAccount(
  couch: ServerScope,
  username: string,
  changes: { readonly password?: string; readonly roles?: readonly string[] },
): Promise<void> {
  const users = couch.use<object>('_users');
  await users.insert({ ...(await users.get(accountDocumentId(username))), ...changes });
}

/** In ms. */
const MAX_WAIT_MS = 30_000;
const POLL_INTERVAL_MS = 250;

/**
 * Waits for `_users/_design/_auth`, which CouchDB makes some time after the database. Without it whoever may make accounts
 * may give one the role _admin: seen with CouchDB 3.4.3 in a database made seconds before.
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
    await pause(POLL_INTERVAL_MS);
  }
  throw new SetupError(
    'CouchDB has not made _design/_auth in the database _users, by which it checks accounts; restart it, and run this again.',
  );
}
