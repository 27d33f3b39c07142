import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { ServerScope } from 'nano';
import { statusOf } from '../../../upstream/client.ts';
import { SERVICE_ROLE } from '../../../upstream/schema/security-objects.ts';
import { SetUpError } from '../../../upstream/setup-error.ts';

/** As good as a key, and nothing that a shell, an .env file or a URL would read otherwise. */
export const newPassword = (): string => randomBytes(32).toString('base64url');

const idOf = (username: string): string => `org.couchdb.user:${username}`;

export async function makeAccount(couch: ServerScope, username: string, password: string): Promise<void> {
  await authDesign(couch);
  const account = { _id: idOf(username), name: username, type: 'user', roles: [SERVICE_ROLE], password };
  await couch.use<object>('_users').insert(account);
}

/** What is not in `changes` stays as it is. */
export async function changeAccount(
  couch: ServerScope,
  username: string,
  changes: { readonly password?: string; readonly roles?: readonly string[] },
): Promise<void> {
  const users = couch.use<object>('_users');
  await users.insert({ ...(await users.get(idOf(username))), ...changes });
}

/** In ms. */
const LONGEST_WAIT = 30_000;
const LOOK_AGAIN = 250;

/**
 * Waits for `_users/_design/_auth`, which CouchDB makes some time after the database. Without it whoever may make accounts
 * may give one the role _admin: seen with CouchDB 3.4.3 in a database made seconds before.
 */
async function authDesign(couch: ServerScope): Promise<void> {
  const end = Date.now() + LONGEST_WAIT;
  while (Date.now() < end) {
    try {
      await couch.use('_users').get('_design/_auth');
      return;
    } catch (error) {
      if (statusOf(error) !== 404) throw error;
    }
    await pause(LOOK_AGAIN);
  }
  throw new SetUpError(
    'CouchDB has not made _design/_auth in the database _users, by which it checks accounts; restart it, and run this again.',
  );
}
