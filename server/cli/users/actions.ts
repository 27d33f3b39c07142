import { newSourceDeviceId } from '../../../couchdb-design/user-document/edit-sources.ts';
import { decodeSubject, type Username } from '../../../couchdb-design/user-document/user-document.ts';
import { credentialsSchema, type UserPreferencesResponse } from '../../contract.ts';
import { KeyedConcurrencyLimit } from '../../lib/keyed-concurrency-limit.ts';
import { createPreferencesResponse } from '../../preferences/response.ts';
import { createPreferencesService } from '../../preferences/service.ts';
import { createProvision } from '../../registry/provision-document.ts';
import { setPassword } from './account-document.ts';
import { CommandError } from '../command-error.ts';
import {
  activeSessions,
  userExists,
  requireManagedAccount,
  requireUserExists,
  userStateOf,
  type UserData,
} from './load-user.ts';
import type { Deployment } from '../deployment.ts';
import type { PreferenceEdit } from './parse-preference-edit.ts';

/** The commands that change something. Each takes what `loadUser` read, and rejects with a message for the operator. */

/** Throws a CommandError if the name cannot get an account. */
export function requireAddable(userData: UserData, deployment: Deployment): void {
  const { username, account } = userData;
  const { upstream } = deployment;
  requirePasswordSignIn(deployment);
  if (userStateOf(userData.suspension) === 'erased') {
    throw new CommandError(`${username} was erased, and the name cannot be used again. Choose another one.`);
  }
  if (username === upstream.access.username) throw new CommandError(`${username} is the account of the gates.`);
  if (account !== undefined) {
    throw new CommandError(`An account ${username} already exists. Use "reset-password" to change its password.`);
  }
  if (userExists(userData)) {
    throw new CommandError(
      `${username} is a user of another identity provider, is suspended, or had an account that was removed. The name cannot be reused; choose another one.`,
    );
  }
}

/** Creates an account and its document. */
export async function addUser(
  { accounts, upstream, registry, rules }: Deployment,
  username: Username,
  password: string,
): Promise<void> {
  await accounts.register(username, validatePassword(username, password));
  await createProvision(
    upstream,
    registry,
    rules.idOf,
  )(username).catch(() => {
    throw new CommandError(
      `The account ${username} is created, but not its document, which is created when ${username} first signs in.`,
    );
  });
}

/** Throws a CommandError if the user has no password here. */
export function requireResettable(userData: UserData, deployment: Deployment): void {
  const { name, account } = userData;
  requirePasswordSignIn(deployment);
  requireUserExists(userData);
  requireManagedAccount(userData, deployment);
  requireNotErased(userData);
  if (account === undefined) {
    throw new CommandError(
      `${name} has no account here: the user signs in with another identity provider, or the account was removed.`,
    );
  }
}

/** Also ends all sessions, because the old password may be known to others. Resolves with their number. */
export async function resetPassword(deployment: Deployment, userData: UserData, password: string): Promise<number> {
  const { username, account } = userData;
  if (account === undefined) throw new CommandError(`${username} has no account here.`);
  await setPassword(deployment.upstream.couch, account, validatePassword(username, password));
  try {
    return await endSessions(deployment, username);
  } catch (error) {
    throw new CommandError(
      `The password of ${username} is changed, but the sessions are not ended. Run "end-sessions ${username}" as soon as the database responds.`,
      { cause: error },
    );
  }
}

/** Resolves with the number of active sessions. */
export async function endSessions({ sessions }: Deployment, username: Username): Promise<number> {
  const active = await sessions.list(username);
  await sessions.endAll(username, 'operator');
  return active.length;
}

/** Suspends a name; with `unseen` also one that is not in use. Resolves with the number of sessions that end. */
export async function suspendUser(deployment: Deployment, userData: UserData, unseen: boolean): Promise<number> {
  const { username, name } = userData;
  if (!unseen && !userExists(userData)) {
    throw new CommandError(
      `User ${name} does not exist. Use "list" to see all users, or --unseen to suspend a name before its first use.`,
    );
  }
  const ended = activeSessions(userData, Date.now()).length;
  await deployment.accounts.suspend(username);
  return ended;
}

/** Resolves with whether the user was suspended. */
export async function restoreUser({ accounts }: Deployment, userData: UserData): Promise<boolean> {
  requireUserExists(userData);
  requireNotErased(userData);
  await accounts.restore(userData.username);
  return userData.suspension !== undefined;
}

/** The preference after the edit. */
export interface SetPreferenceResult {
  readonly username: string;
  readonly preference: string;
  /** Null if the default applies. */
  readonly value: unknown;
  /** Its last edit; null if it was never edited. */
  readonly edit: UserPreferencesResponse['edits'][string] | null;
}

/** Edits a preference. Writes nothing if it removes a value that is not set. */
export async function setPreference(
  { upstream, registry, rules: definition }: Deployment,
  userData: UserData,
  { preference, removes, patch }: PreferenceEdit,
): Promise<SetPreferenceResult> {
  const { username } = userData;
  requireUserExists(userData);
  requireNotErased(userData);
  const { couch } = upstream;
  const service = createPreferencesService({
    couch,
    registry,
    provision: createProvision(upstream, registry, definition.idOf),
    definition,
    writeQueue: new KeyedConcurrencyLimit(1),
    now: upstream.clock.now,
  });
  const device = newSourceDeviceId('command line', Math.random);
  const updated = await service.edit(username, device, ({ document, stored }) =>
    removes && ![document, stored].some(({ preferences }) => Object.hasOwn(preferences, preference)) ? {} : patch,
  );
  const value = updated.document.preferences[preference] ?? null;
  return {
    username: decodeSubject(username),
    preference,
    value,
    edit: createPreferencesResponse(updated, definition).edits[preference] ?? null,
  };
}

function requireNotErased({ name, suspension }: UserData): void {
  if (userStateOf(suspension) !== 'erased') return;
  throw new CommandError(`${name} was erased. The only command for this name is "erase" again.`);
}

/** Throws a CommandError if users sign in with another identity provider. */
export function requirePasswordSignIn({ hasPasswordSignIn }: Pick<Deployment, 'hasPasswordSignIn'>): void {
  if (hasPasswordSignIn) return;
  throw new CommandError(
    'Users sign in with another identity provider here (JWT_PUBLIC_KEY or JWKS_URL), so they have no passwords. Create accounts there.',
  );
}

function validatePassword(username: Username, password: string): string {
  const parsed = credentialsSchema.safeParse({ username, password });
  if (parsed.success) return password;
  throw new CommandError(`${parsed.error.issues[0]?.message ?? 'The password is invalid.'} Nothing was changed.`);
}
