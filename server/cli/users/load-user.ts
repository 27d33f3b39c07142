import type { ServerScope } from 'nano';
import type { Username } from '../../../couchdb-design/user-document/user-document.ts';
import { readDocuments, type StoredDocument } from '../../upstream/read-documents.ts';
import { suspensionDocumentId } from '../../identity/sessions/document.ts';
import { isActive, type Session } from '../../identity/sessions/state.ts';
import { getString, type JsonObject } from '../../lib/json.ts';
import type { Link } from '../../telegram/links/link-documents.ts';
import { readStoredLeaves, type StoredLeaves } from '../../preferences/read-leaves.ts';
import { statusOf } from '../../upstream/client.ts';
import { toUpstreamError } from '../../upstream/upstream-error.ts';
import { readAccount, type AccountDocument } from './account-document.ts';
import { CommandError } from './command-error.ts';
import type { Deployment } from './deployment.ts';

/** All that there is of one user. */
export interface UserData {
  readonly username: Username;
  readonly account: AccountDocument | undefined;
  readonly suspension: Suspension | undefined;
  /** Those that are over too, the last used first. */
  readonly sessions: readonly Session[];
  readonly document: StoredLeaves;
  /** Where the user's replicators are; the gate keeps all of a user's in one document. */
  readonly checkpoints: JsonObject | undefined;
  /** Telegram chats that are linked to the user. */
  readonly chats: readonly Link[];
}

export interface Suspension {
  readonly rev: string;
  readonly since: string | undefined;
  /** The user is no more, and the name is nobody's again. */
  readonly erasedAt: string | undefined;
}

/** Reads it all; nothing is made by looking. */
export async function loadUser(deployment: Deployment, username: Username): Promise<UserData> {
  const { upstream, registry, rules, sessionStore, links } = deployment;
  const { couch } = upstream;
  const [account, suspension, sessions, document, checkpoints, chats] = await Promise.all([
    readAccount(couch, username),
    readSuspension(deployment, username),
    sessionStore.listByUser(username),
    readStoredLeaves(couch, registry, rules.idOf(username)),
    readCheckpoints(couch, registry, username),
    links.listByUser(username),
  ]);
  const lastUsedFirst = sessions.toSorted((a, b) => b.refreshedAt - a.refreshedAt || (a.id < b.id ? -1 : 1));
  return { username, account, suspension, sessions: lastUsedFirst, document, checkpoints, chats };
}

export type UserState = 'active' | 'suspended' | 'erased';

export const userStateOf = (suspension: Suspension | undefined): UserState =>
  suspension === undefined ? 'active' : suspension.erasedAt === undefined ? 'suspended' : 'erased';

export const activeSessions = ({ sessions }: UserData, now: number): readonly Session[] =>
  sessions.filter((session) => isActive(session, now));

/** Whether anybody has this name here, or had it until it was erased. */
export const userExists = ({ account, suspension, document, sessions }: UserData): boolean =>
  account !== undefined || suspension !== undefined || document.live.length > 0 || sessions.length > 0;

export function requireUserExists(userData: UserData): void {
  if (!userExists(userData))
    throw new CommandError(`There is no user ${userData.username}; "list" names those there are.`);
}

/** The gates' own account is no user, and one with roles in CouchDB is not ours alone. */
export function requireManagedAccount({ username, account }: UserData, { upstream }: Deployment): void {
  if (username === upstream.access.username) {
    throw new CommandError(
      `${username} is the account of the gates; "npm run setup -- --new-password" is for that one.`,
    );
  }
  if (account === undefined || account.roles.length === 0) return;
  throw new CommandError(
    `The account ${username} has roles in CouchDB (${account.roles.join(', ')}), so it is more than a user here and is left alone; take them away first if it is not.`,
  );
}

export async function readSuspension(
  { upstream, sessionsDatabase }: Deployment,
  username: Username,
): Promise<Suspension | undefined> {
  const id = suspensionDocumentId(username);
  return parseSuspension((await readDocuments(upstream.couch, sessionsDatabase, [id])).get(id));
}

/** Whatever is in it: an operator may have written it by hand. */
export const parseSuspension = (document: StoredDocument | undefined): Suspension | undefined =>
  document === undefined
    ? undefined
    : {
        rev: document._rev,
        since: getString(document, 'suspended_at'),
        erasedAt: getString(document, 'erased_at'),
      };

/** As gate/checkpoints/handlers.ts names it. */
export const checkpointsPath = (username: Username): string =>
  `_local/${encodeURIComponent(`checkpoints:${username}`)}`;

async function readCheckpoints(couch: ServerScope, db: string, username: Username): Promise<JsonObject | undefined> {
  try {
    return (await couch.request({ db, path: checkpointsPath(username) })) as JsonObject;
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw toUpstreamError(error);
  }
}
