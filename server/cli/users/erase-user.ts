import { decodeSubject, formatSubject, type Username } from '../../../couchdb-design/user-document/user-document.ts';
import { suspensionDocumentId } from '../../identity/sessions/document.ts';
import { retryOnConflict } from '../../lib/retry-on-conflict.ts';
import { readStoredLeaves } from '../../preferences/read-leaves.ts';
import { mergedRevisionsPath } from '../../registry/merged-revisions.ts';
import { statusOf } from '../../upstream/client.ts';
import { errorMessage } from '../../upstream/setup-error.ts';
import { toUpstreamError } from '../../upstream/upstream-error.ts';
import { deleteAccount, clearAccount, hasPassword, readAccount } from './account-document.ts';
import { CommandError } from '../command-error.ts';
import { checkpointsPath, readSuspension } from './load-user.ts';
import type { Deployment } from '../deployment.ts';

/** The output of `erase --json`. */
export interface EraseResult {
  readonly username: string;
  readonly erased: true;
  /** The number of sessions that were ended or deleted. */
  readonly sessions: number;
  /** The number of revisions of the document that were deleted. */
  readonly revisions: number;
  /** The number of Telegram chats that were unlinked. */
  readonly chats: number;
  /**
   * `emptied`: only the name is left, which CouchDB lets only a server admin delete. `kept`: users sign in with an identity
   * provider, so an account of the same name is not the user's.
   */
  readonly account: 'removed' | 'emptied' | 'kept' | 'none';
  /** What the operator still has to do, a sentence each. */
  readonly left: readonly string[];
}

export interface EraseOptions {
  readonly deployment: Deployment;
  readonly username: Username;
  /** Resolves when no gate relies on the state before the erasure any more. */
  readonly waitForGates: () => Promise<void>;
  /** Takes a sentence about each part that is done. */
  readonly report: (sentence: string) => void;
  readonly now: () => number;
}

/** Limits how long a gate or a replication that continues to write is waited for. */
const MAX_SWEEPS = 5;
const MAX_ATTEMPTS = 20;

/**
 * Erases a user permanently:
 *
 * - The name stays locked, with the same mark as a suspension: every gate receives it, ends the user's live requests and
 *   rejects all of their tokens, regardless of the issuer. The user's devices therefore cannot send their copies again, and
 *   no gate creates a new document.
 * - The document's leaves are deleted, not purged: a deletion is replicated wherever the database is, and prevents the name
 *   from being registered again (accounts.ts), as the remainder of the account does.
 * - A gate that has not received the mark may still accept a write. Everything is therefore checked again after a pause.
 *
 * Can be run again at any time; it completes what is not done.
 *
 * @throws {CommandError} If another process keeps writing, or keeps suspending and restoring the user.
 */
export async function eraseUser({
  deployment,
  username,
  waitForGates,
  report,
  now,
}: EraseOptions): Promise<EraseResult> {
  const name = formatSubject(username);
  await markErased(deployment, username, now());
  report(`${name} is locked out permanently: live requests end within two seconds, and every token is rejected.`);
  const first = await sweep(deployment, username);
  report(`Sessions ended and deleted: ${first.sessions}. Revisions of the document deleted: ${first.revisions}.`);
  const account = await removeAccount(deployment, username);
  if (account === 'removed' || account === 'emptied')
    report(account === 'removed' ? 'The account is deleted.' : 'The account is emptied, and has no password.');
  report('Now waiting for requests that gates are still handling, to delete what they write.');
  let { sessions, revisions, chats } = first;
  for (let found = 1, round = 1; found > 0; round += 1) {
    if (round > MAX_SWEEPS) {
      throw new CommandError(
        `Another process keeps writing documents of ${name}. Find it (a replication into ${deployment.registry}, perhaps), stop it, and run this again.`,
      );
    }
    await waitForGates();
    const late = await sweep(deployment, username);
    found = late.sessions + late.revisions + late.chats;
    sessions += late.sessions;
    revisions += late.revisions;
    chats += late.chats;
  }
  const left = await compactDatabases(deployment);
  if (account === 'emptied') {
    left.unshift(
      `CouchDB lets only a server admin delete the remainder of the account, which is its name. ${ADMIN_HINT}`,
    );
  }
  if (account === 'kept') {
    left.unshift(
      `CouchDB has an account ${name}, which is not touched: users sign in with an identity provider, so another application may use it. Delete it if it was this user's.`,
    );
  }
  return { username: decodeSubject(username), erased: true, sessions, revisions, chats, account, left };
}

const ADMIN_HINT = 'To do that, set COUCHDB_ADMIN_USER and COUCHDB_ADMIN_PASSWORD, and run this again.';

async function markErased(deployment: Deployment, username: Username, now: number): Promise<void> {
  const { upstream, sessionsDatabase } = deployment;
  const [_id, at] = [suspensionDocumentId(username), new Date(now).toISOString()];
  const attempt = async (): Promise<true | undefined> => {
    const existing = await readSuspension(deployment, username);
    if (existing?.erasedAt !== undefined) return true;
    const rev = existing === undefined ? {} : { _rev: existing.rev };
    const suspension = {
      _id,
      ...rev,
      type: 'suspension',
      username,
      suspended_at: existing?.since ?? at,
      erased_at: at,
    };
    try {
      await upstream.couch.use<object>(sessionsDatabase).insert(suspension);
      return true;
    } catch (error) {
      if (statusOf(error) !== 409) throw toUpstreamError(error);
      return undefined;
    }
  };
  await retryOnConflict(attempt, {
    maxAttempts: MAX_ATTEMPTS,
    minDelayMs: 0,
    onExhausted: () =>
      new CommandError(
        `Another process keeps suspending and restoring ${formatSubject(username)}. Nothing was erased. Run this again.`,
      ),
  });
}

type SweepResult = Pick<EraseResult, 'sessions' | 'revisions' | 'chats'>;

/** Deletes what exists now. Resolves with how much that was. */
async function sweep(deployment: Deployment, username: Username): Promise<SweepResult> {
  const { accounts, sessions, sessionStore, links } = deployment;
  await sessions.endAll(username, 'operator');
  const ended = await sessionStore.listByUser(username);
  await sessionStore.remove(ended);
  const revisions = await deleteUserDocument(deployment, username);
  await deleteLocalDocument(deployment, checkpointsPath(username));
  await deleteLocalDocument(deployment, mergedRevisionsPath(username));
  const chats = (await links.listByUser(username)).length;
  await links.deleteByUser(username);
  await accounts.removeReservation(username);
  return { sessions: ended.length, revisions, chats };
}

async function deleteUserDocument({ upstream, registry, rules }: Deployment, username: Username): Promise<number> {
  const id = rules.idOf(username);
  let deleted = 0;
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
    const { live } = await readStoredLeaves(upstream.couch, registry, id);
    if (live.length === 0) return deleted;
    // Without other members, as validate_doc_update requires. A leaf that is edited in between is deleted in the next attempt.
    const docs = live.map(({ rev }) => ({ _id: id, _rev: rev, _deleted: true }));
    await upstream.couch
      .use(registry)
      .bulk({ docs })
      .catch((error: unknown) => {
        throw toUpstreamError(error);
      });
    deleted += live.length;
  }
  throw new CommandError(`The document ${id} cannot be deleted. Run "doctor" to find the cause, then run this again.`);
}

async function deleteLocalDocument({ upstream: { couch }, registry: db }: Deployment, path: string): Promise<void> {
  try {
    const { _rev: rev } = (await couch.request({ db, path })) as { _rev: string };
    await couch.request({ db, path, method: 'DELETE', qs: { rev } });
  } catch (error) {
    if (statusOf(error) !== 404) throw toUpstreamError(error);
  }
}

async function removeAccount(
  { upstream, admin, hasPasswordSignIn }: Deployment,
  username: Username,
): Promise<EraseResult['account']> {
  const account = await readAccount(upstream.couch, username);
  if (account === undefined) return 'none';
  if (!hasPasswordSignIn) return 'kept';
  if (admin !== undefined) {
    await deleteAccount(admin.couch, account);
    return 'removed';
  }
  if (hasPassword(account) || Object.keys(account).some((key) => !CLEARED_ACCOUNT_FIELDS.includes(key))) {
    await clearAccount(upstream.couch, account);
  }
  return 'emptied';
}

const CLEARED_ACCOUNT_FIELDS: readonly string[] = ['_id', '_rev', 'type', 'name', 'roles'];

/** Removes old revisions from the databases' files. Resolves with a sentence for each database that was not compacted. */
async function compactDatabases({ admin, registry, sessionsDatabase }: Deployment): Promise<string[]> {
  const databases = [registry, sessionsDatabase, '_users'];
  if (admin === undefined) {
    return [
      `Old revisions are in the files of ${databases.join(', ')} until CouchDB compacts them, which only a server admin can start at once. ${ADMIN_HINT}`,
    ];
  }
  const left: string[] = [];
  for (const db of databases) {
    const request = { db, path: '_compact', method: 'POST', body: {} } as const;
    await admin.couch.request(request).catch((error: unknown) => {
      left.push(`${db} could not be compacted, so its file still contains old revisions (${errorMessage(error)}).`);
    });
  }
  return left;
}
