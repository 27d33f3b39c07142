import type { ServerScope } from 'nano';
import type { Username } from '../../../couchdb-design/user-document/user-document.ts';
import { readDocuments, type StoredDocument } from '../../upstream/read-documents.ts';
import { suspensionId } from '../../identity/sessions/document.ts';
import { isAlive, type Session } from '../../identity/sessions/state.ts';
import { textMember, type JsonObject } from '../../lib/json.ts';
import type { Link } from '../../telegram/links/link-documents.ts';
import { readStored, type StoredLeaves } from '../../preferences/read-leaves.ts';
import { statusOf } from '../../upstream/client.ts';
import { toUpstreamError } from '../../upstream/upstream-error.ts';
import { readAccount, type AccountDocument } from './account-document.ts';
import { CommandError } from './command-error.ts';
import type { Deployment } from './deployment.ts';

/** All that there is of one user. */
export interface Held {
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
export async function readHeld(deployment: Deployment, username: Username): Promise<Held> {
  const { upstream, registry, rules, sessionStore, links } = deployment;
  const { couch } = upstream;
  const [account, suspension, sessions, document, checkpoints, chats] = await Promise.all([
    readAccount(couch, username),
    readSuspension(deployment, username),
    sessionStore.ofUser(username),
    readStored(couch, registry, rules.idOf(username)),
    readCheckpoints(couch, registry, username),
    links.ofUser(username),
  ]);
  const lastUsedFirst = sessions.toSorted((a, b) => b.refreshedAt - a.refreshedAt || (a.id < b.id ? -1 : 1));
  return { username, account, suspension, sessions: lastUsedFirst, document, checkpoints, chats };
}

export type UserState = 'active' | 'suspended' | 'erased';

export const stateOf = (suspension: Suspension | undefined): UserState =>
  suspension === undefined ? 'active' : suspension.erasedAt === undefined ? 'suspended' : 'erased';

export const aliveOf = ({ sessions }: Held, now: number): readonly Session[] =>
  sessions.filter((session) => isAlive(session, now));

/** Whether anybody has this name here, or had it until it was erased. */
export const isSomebody = ({ account, suspension, document, sessions }: Held): boolean =>
  account !== undefined || suspension !== undefined || document.live.length > 0 || sessions.length > 0;

export function requireSomebody(held: Held): void {
  if (!isSomebody(held)) throw new CommandError(`There is no user ${held.username}; "list" names those there are.`);
}

/** The gates' own account is no user, and one with roles in CouchDB is not ours alone. */
export function requireOwn({ username, account }: Held, { upstream }: Deployment): void {
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
  const id = suspensionId(username);
  return suspensionOf((await readDocuments(upstream.couch, sessionsDatabase, [id])).get(id));
}

/** Whatever is in it: an operator may have written it by hand. */
export const suspensionOf = (document: StoredDocument | undefined): Suspension | undefined =>
  document === undefined
    ? undefined
    : {
        rev: document._rev,
        since: textMember(document, 'suspended_at'),
        erasedAt: textMember(document, 'erased_at'),
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
