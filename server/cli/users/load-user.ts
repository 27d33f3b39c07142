import type { ServerScope } from 'nano';
import { formatSubject, type Username } from '../../../couchdb-design/user-document/user-document.ts';
import { readDocuments, type StoredDocument } from '../../upstream/read-documents.ts';
import { suspensionDocumentId } from '../../identity/sessions/document.ts';
import { isActive, type Session } from '../../identity/sessions/state.ts';
import { getString, type JsonObject } from '../../lib/json.ts';
import type { Link } from '../../telegram/links/link-documents.ts';
import { readStoredLeaves, type StoredLeaves } from '../../preferences/read-leaves.ts';
import { statusOf } from '../../upstream/client.ts';
import { toUpstreamError } from '../../upstream/upstream-error.ts';
import { readAccount, type AccountDocument } from './account-document.ts';
import { CommandError } from '../command-error.ts';
import type { Deployment } from '../deployment.ts';

/** Everything stored about one user. */
export interface UserData {
  readonly username: Username;
  /** The user's name for messages: the escaped subject. */
  readonly name: string;
  readonly account: AccountDocument | undefined;
  readonly suspension: Suspension | undefined;
  /** Includes ended ones, the last used first. */
  readonly sessions: readonly Session[];
  readonly document: StoredLeaves;
  /** The checkpoints of all of the user's replicators, which the gate keeps in one document. */
  readonly checkpoints: JsonObject | undefined;
  /** The linked Telegram chats. */
  readonly chats: readonly Link[];
}

export interface Suspension {
  readonly rev: string;
  readonly since: string | undefined;
  /** Set if the user was erased; the name can never be used again. */
  readonly erasedAt: string | undefined;
}

/** Reads everything stored about a user. Creates nothing. */
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
  const name = formatSubject(username);
  return { username, name, account, suspension, sessions: lastUsedFirst, document, checkpoints, chats };
}

export type UserState = 'active' | 'suspended' | 'erased';

/** The state that a suspension document, or its absence, stands for. */
export const userStateOf = (suspension: Suspension | undefined): UserState =>
  suspension === undefined ? 'active' : suspension.erasedAt === undefined ? 'suspended' : 'erased';

/** The sessions that are neither ended nor expired at `now`, in ms since 1970. */
export const activeSessions = ({ sessions }: UserData, now: number): readonly Session[] =>
  sessions.filter((session) => isActive(session, now));

/** Whether the name is in use here, or was until it was erased. */
export const userExists = ({ account, suspension, document, sessions }: UserData): boolean =>
  account !== undefined || suspension !== undefined || document.live.length > 0 || sessions.length > 0;

/** Throws a CommandError unless the name is or was in use. */
export function requireUserExists(userData: UserData): void {
  if (!userExists(userData))
    throw new CommandError(`User ${userData.name} does not exist. Use "list" to see all users.`);
}

/** Rejects the gates' own account, and an account with roles in CouchDB, which has other uses. */
export function requireManagedAccount({ username, account }: UserData, { upstream }: Deployment): void {
  if (username === upstream.access.username) {
    throw new CommandError(`${username} is the account of the gates. Use "npm run setup -- --new-password" for it.`);
  }
  if (account === undefined || account.roles.length === 0) return;
  throw new CommandError(
    `The account ${username} has roles in CouchDB (${account.roles.join(', ')}), so it has other uses and is left alone. Remove the roles first if it has none.`,
  );
}

/** Resolves with undefined if the user is neither suspended nor erased. */
export async function readSuspension(
  { upstream, sessionsDatabase }: Deployment,
  username: Username,
): Promise<Suspension | undefined> {
  const id = suspensionDocumentId(username);
  return parseSuspension((await readDocuments(upstream.couch, sessionsDatabase, [id])).get(id));
}

/** Accepts any content, because an operator may have written it by hand. */
export const parseSuspension = (document: StoredDocument | undefined): Suspension | undefined =>
  document === undefined
    ? undefined
    : {
        rev: document._rev,
        since: getString(document, 'suspended_at'),
        erasedAt: getString(document, 'erased_at'),
      };

/** The path of the document that gate/checkpoints/handlers.ts writes. */
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
