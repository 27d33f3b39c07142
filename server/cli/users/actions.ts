import { newDoorId } from '../../../couchdb-design/user-document/edit-sources.ts';
import type { Username } from '../../../couchdb-design/user-document/user-document.ts';
import { credentialsSchema, type UserPreferencesAnswer } from '../../contract.ts';
import { FewAtATime } from '../../lib/keyed-concurrency-limit.ts';
import { SecretGuard } from '../../registry/secret-guard.ts';
import { preferencesAnswer } from '../../preferences/response.ts';
import { createPreferencesService } from '../../preferences/service.ts';
import { createProvision } from '../../registry/provision-document.ts';
import { setPassword } from './account-document.ts';
import { CommandError } from './command-error.ts';
import { aliveOf, isSomebody, requireOwn, requireSomebody, stateOf, type Held } from './load-user.ts';
import type { Deployment } from './deployment.ts';
import type { PreferenceEdit } from './parse-preference-edit.ts';

/** What the commands do that change something; each is given what `readHeld` has found, and rejects with a sentence. */

export function requireAddable(held: Held, { hasPasswords, upstream }: Deployment): void {
  const { username, account } = held;
  requirePasswords(hasPasswords);
  if (stateOf(held.suspension) === 'erased') {
    throw new CommandError(`${username} was erased, and the name is not given again; take another one.`);
  }
  if (username === upstream.access.username) throw new CommandError(`${username} is the account of the gates.`);
  if (account !== undefined) {
    throw new CommandError(`There is an account ${username} already; "reset-password" gives it another password.`);
  }
  if (isSomebody(held)) {
    throw new CommandError(
      `${username} is a user of another identity provider, is suspended, or had an account that was removed: the name is not given to anybody else; take another one.`,
    );
  }
}

export async function addUser(
  { accounts, upstream, registry, rules }: Deployment,
  username: Username,
  password: string,
): Promise<void> {
  await accounts.register(username, checkedPassword(username, password));
  await createProvision(
    upstream.couch,
    registry,
    rules.idOf,
  )(username).catch(() => {
    throw new CommandError(
      `The account ${username} is made, but not its document; that is made when ${username} first signs in.`,
    );
  });
}

export function requireResettable(held: Held, deployment: Deployment): void {
  const { username, account } = held;
  requirePasswords(deployment.hasPasswords);
  requireSomebody(held);
  requireOwn(held, deployment);
  requireNotErased(held);
  if (account === undefined) {
    throw new CommandError(
      `${username} has no account here, but signs in with another identity provider or did so with an account that was removed.`,
    );
  }
}

/** Resolves with the number of sessions that were ended: whoever knew the old password may have begun one. */
export async function resetPassword(deployment: Deployment, held: Held, password: string): Promise<number> {
  const { username, account } = held;
  if (account === undefined) throw new CommandError(`${username} has no account here.`);
  await setPassword(deployment.upstream.couch, account, checkedPassword(username, password));
  try {
    return await endSessions(deployment, username);
  } catch (error) {
    throw new CommandError(
      `The password of ${username} is another now, but sessions are not ended. Run "end-sessions ${username}" as soon as the database answers.`,
      { cause: error },
    );
  }
}

/** Resolves with how many there were. */
export async function endSessions({ sessions }: Deployment, username: Username): Promise<number> {
  const alive = await sessions.list(username);
  await sessions.endAll(username, 'operator');
  return alive.length;
}

export async function suspendUser(deployment: Deployment, held: Held, unseen: boolean): Promise<number> {
  const { username } = held;
  if (!unseen && !isSomebody(held)) {
    throw new CommandError(
      `There is no user ${username}; "list" names those there are. Add --unseen to suspend a name before its first use here.`,
    );
  }
  const ended = aliveOf(held, Date.now()).length;
  await deployment.accounts.suspend(username);
  return ended;
}

/** Resolves with whether there was anything to take back. */
export async function restoreUser({ accounts }: Deployment, held: Held): Promise<boolean> {
  requireSomebody(held);
  requireNotErased(held);
  await accounts.restore(held.username);
  return held.suspension !== undefined;
}

/** What holds for the preference then. */
export interface SetPreference {
  readonly username: string;
  readonly preference: string;
  /** Null: the default holds. */
  readonly value: unknown;
  /** The last edit of it; null when it was never edited. */
  readonly edit: UserPreferencesAnswer['edits'][string] | null;
}

export async function setPreference(
  { upstream, registry, rules }: Deployment,
  held: Held,
  { preference, removes, patch }: PreferenceEdit,
): Promise<SetPreference> {
  const { username } = held;
  requireSomebody(held);
  requireNotErased(held);
  const { couch } = upstream;
  const service = createPreferencesService({
    couch,
    registry,
    provision: createProvision(couch, registry, rules.idOf),
    rules,
    // What it is told of is in the error too.
    secrets: new SecretGuard(() => undefined),
    writes: new FewAtATime(1),
    now: Date.now,
  });
  const device = newDoorId('command line', Math.random);
  const after = await service.edit(username, device, ({ document }) =>
    removes && !Object.hasOwn(document.preferences, preference) ? {} : patch,
  );
  const value = after.document.preferences[preference] ?? null;
  return { username, preference, value, edit: preferencesAnswer(after, rules).edits[preference] ?? null };
}

function requireNotErased({ username, suspension }: Held): void {
  if (stateOf(suspension) !== 'erased') return;
  throw new CommandError(`${username} was erased; nothing can be done for this name any more but "erase" again.`);
}

function requirePasswords(hasPasswords: boolean): void {
  if (hasPasswords) return;
  throw new CommandError(
    'People sign in with another identity provider here (JWT_PUBLIC_KEY or JWKS_URL), and have no passwords; make accounts there.',
  );
}

function checkedPassword(username: Username, password: string): string {
  const read = credentialsSchema.safeParse({ username, password });
  if (read.success) return password;
  throw new CommandError(`${read.error.issues[0]?.message ?? 'This is no password.'} Nothing was changed.`);
}
