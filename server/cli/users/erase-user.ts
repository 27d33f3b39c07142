import type { Username } from '../../../couchdb-design/user-document/user-document.ts';
import { suspensionDocumentId } from '../../identity/sessions/document.ts';
import { readStoredLeaves } from '../../preferences/read-leaves.ts';
import { statusOf } from '../../upstream/client.ts';
import { errorMessage } from '../../upstream/setup-error.ts';
import { toUpstreamError } from '../../upstream/upstream-error.ts';
import { deleteAccount, clearAccount, hasPassword, readAccount } from './account-document.ts';
import { CommandError } from './command-error.ts';
import { checkpointsPath, readSuspension } from './load-user.ts';
import type { Deployment } from './deployment.ts';

/** What `erase --json` answers. */
export interface EraseResult {
  readonly username: string;
  readonly erased: true;
  /** Sessions that were ended or forgotten. */
  readonly sessions: number;
  /** Revisions of the document that were deleted. */
  readonly revisions: number;
  /** Telegram chats whose link was ended. */
  readonly chats: number;
  /** `emptied`: only the name is left; CouchDB lets a server admin alone delete the rest. */
  readonly account: 'removed' | 'emptied' | 'none';
  /** What an operator has still to do, a sentence each. */
  readonly left: readonly string[];
}

export interface EraseOptions {
  readonly deployment: Deployment;
  readonly username: Username;
  /** Resolves when no gate believes any more what held before the erasure. */
  readonly waitForGates: () => Promise<void>;
  /** Takes a sentence about what is done. */
  readonly report: (sentence: string) => void;
  readonly now: () => number;
}

/** Some gate or replication that goes on writing is not waited for for ever. */
const MAX_SWEEPS = 5;
const MAX_ATTEMPTS = 20;

/**
 * Erases a user for good. What a deletion has to be here:
 *
 * - The name stays shut out, by the mark that a suspension is: every gate hears of it, ends the user's live requests and
 *   takes none of their tokens any more, whoever issued them. So the user's own devices cannot send their copies again, and
 *   no gate makes a new document where there is none.
 * - The document's leaves are deleted, not purged: a deletion goes wherever the database is replicated to, and keeps the
 *   name from being given to somebody else (accounts.ts), as what is left of the account does.
 * - A gate that has not heard of it yet may still take a write of before. So it is all looked at once more, after a pause.
 *
 * May be run again at any time, and does what is not done.
 */
export async function eraseUser({
  deployment,
  username,
  waitForGates,
  report,
  now,
}: EraseOptions): Promise<EraseResult> {
  await markErased(deployment, username, now());
  report(`${username} is shut out for good: live requests end within two seconds, and no token is taken any more.`);
  const first = await sweep(deployment, username);
  report(`Sessions ended and forgotten: ${first.sessions}. Revisions of the document deleted: ${first.revisions}.`);
  const account = await removeAccount(deployment, username);
  if (account !== 'none')
    report(account === 'removed' ? 'The account is deleted.' : 'The account is emptied: no password.');
  report('What gates have under way is waited for now, and looked for.');
  let { sessions, revisions, chats } = first;
  for (let found = 1, round = 1; found > 0; round += 1) {
    if (round > MAX_SWEEPS) {
      throw new CommandError(
        `Something goes on writing documents of ${username}. Find out what (a replication into ${deployment.registry}, perhaps), end it, and run this again.`,
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
      `CouchDB lets only a server admin delete what is left of the account, which is its name. ${ADMIN_HINT}`,
    );
  }
  return { username, erased: true, sessions, revisions, chats, account, left };
}

const ADMIN_HINT = 'Run this again with COUCHDB_ADMIN_USER and COUCHDB_ADMIN_PASSWORD for that.';

async function markErased(deployment: Deployment, username: Username, now: number): Promise<void> {
  const { upstream, sessionsDatabase } = deployment;
  const [_id, at] = [suspensionDocumentId(username), new Date(now).toISOString()];
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
    const existing = await readSuspension(deployment, username);
    if (existing?.erasedAt !== undefined) return;
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
      return;
    } catch (error) {
      if (statusOf(error) !== 409) throw toUpstreamError(error);
    }
  }
  throw new CommandError(`Others keep suspending and restoring ${username}. Nothing was erased; run this again.`);
}

type SweepResult = Pick<EraseResult, 'sessions' | 'revisions' | 'chats'>;

/** Removes what is there now, and says how much that was. */
async function sweep(deployment: Deployment, username: Username): Promise<SweepResult> {
  const { accounts, sessions, sessionStore, links } = deployment;
  await sessions.endAll(username, 'operator');
  const ended = await sessionStore.listByUser(username);
  await sessionStore.remove(ended);
  const revisions = await deleteUserDocument(deployment, username);
  await deleteCheckpoints(deployment, username);
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
    // Bare, as validate_doc_update wants them; one that was edited meanwhile is met at the next reading.
    const docs = live.map(({ rev }) => ({ _id: id, _rev: rev, _deleted: true }));
    await upstream.couch
      .use(registry)
      .bulk({ docs })
      .catch((error: unknown) => {
        throw toUpstreamError(error);
      });
    deleted += live.length;
  }
  throw new CommandError(`The document ${id} cannot be deleted. Look with "doctor", and run this again.`);
}

async function deleteCheckpoints({ upstream: { couch }, registry: db }: Deployment, username: Username): Promise<void> {
  const path = checkpointsPath(username);
  try {
    const { _rev: rev } = (await couch.request({ db, path })) as { _rev: string };
    await couch.request({ db, path, method: 'DELETE', qs: { rev } });
  } catch (error) {
    if (statusOf(error) !== 404) throw toUpstreamError(error);
  }
}

async function removeAccount({ upstream, admin }: Deployment, username: Username): Promise<EraseResult['account']> {
  const account = await readAccount(upstream.couch, username);
  if (account === undefined) return 'none';
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

/** Until then old revisions are in the databases' files. Resolves with what could not be begun. */
async function compactDatabases({ admin, registry, sessionsDatabase }: Deployment): Promise<string[]> {
  const databases = [registry, sessionsDatabase, '_users'];
  if (admin === undefined) {
    return [
      `Old revisions are in the files of ${databases.join(', ')} until CouchDB compacts them, which only a server admin may have it do at once. ${ADMIN_HINT}`,
    ];
  }
  const left: string[] = [];
  for (const db of databases) {
    const request = { db, path: '_compact', method: 'POST', body: {} } as const;
    await admin.couch.request(request).catch((error: unknown) => {
      left.push(`${db} could not be compacted, so old revisions are in its file (${errorMessage(error)}).`);
    });
  }
  return left;
}
