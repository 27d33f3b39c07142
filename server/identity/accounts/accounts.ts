import type { DocumentScope } from 'nano';
import type { UserDocumentId, Username } from '../../../couchdb-design/user-document/user-document.ts';
import { conflict } from '../../http/errors.ts';
import { statusOf, type Upstream } from '../../upstream/client.ts';
import { toUpstreamError } from '../../upstream/upstream-error.ts';
import { createPasswordCheck, type CheckPassword } from './verify-password.ts';
import { createNameClaims } from './username-reservations.ts';
import { everExisted, readDocuments } from '../../upstream/read-documents.ts';
import { suspensionId } from '../sessions/document.ts';
import type { Sessions } from '../sessions/sessions.ts';

/** Accounts, as documents of CouchDB's own `_users`. Everything rejects with 502 or 503 when the database fails. */
export interface Accounts {
  /** Makes an account. Rejects with 409 when the name is, or ever was, somebody's. */
  register(username: Username, password: string): Promise<void>;
  readonly checkPassword: CheckPassword;
  isSuspended(username: Username): Promise<boolean>;
  /** Takes every right from a user, also from one of another identity provider, and ends their sessions. */
  suspend(username: Username): Promise<void>;
  /** Lets a suspended user in again; ended sessions stay ended. */
  restore(username: Username): Promise<void>;
  /** Removes what a registration that was cut off has left. */
  forgetClaim(username: Username): Promise<void>;
}

export interface AccountsOptions {
  readonly upstream: Upstream;
  readonly registry: string;
  readonly idOf: (username: Username) => UserDocumentId;
  readonly sessionsDatabase: string;
  readonly sessions: Pick<Sessions, 'endAll'>;
  /** Hears of each suspension as soon as it is made or taken back. */
  readonly onSuspension: (username: Username, isSuspended: boolean) => void;
  /** The time in ms. */
  readonly now: () => number;
}

const USERS_DB = '_users';

const accountId = (username: Username): string => `org.couchdb.user:${username}`;

const MOST_BRANCHES = 5;

const taken = () => conflict('This name is taken.');

export function createAccounts(options: AccountsOptions): Accounts {
  const { upstream, registry, idOf, sessionsDatabase, sessions, onSuspension, now } = options;
  const { access, couch } = upstream;
  const users: DocumentScope<unknown> = couch.use(USERS_DB);
  const claims = createNameClaims(couch, sessionsDatabase, now);
  const suspensions: DocumentScope<unknown> = couch.use(sessionsDatabase);

  const revisionOf = async (id: string): Promise<string | undefined> =>
    (await readDocuments(couch, sessionsDatabase, [id])).get(id)?._rev;

  /** Does `write`; a conflict means that another has just done the same. */
  const unlessDone = async (write: () => Promise<unknown>): Promise<void> => {
    try {
      await write();
    } catch (error) {
      if (statusOf(error) !== 409) throw toUpstreamError(error);
    }
  };

  /**
   * Names are not used again, or their next owner would get the document of the one before: that of an account which was
   * removed, or of a user of another identity provider.
   */
  const isTaken = async (username: Username): Promise<boolean> =>
    username === access.username ||
    // One that was erased stays suspended for good; so may one be that nobody has used yet.
    (await revisionOf(suspensionId(username))) !== undefined ||
    (await everExisted(couch, USERS_DB, accountId(username))) ||
    (await everExisted(couch, registry, idOf(username)));

  const makeAccount = async (username: Username, password: string): Promise<void> => {
    try {
      // No role: whoever takes the password to CouchDB itself gets nothing there for it.
      await users.insert({ _id: accountId(username), name: username, password, roles: [], type: 'user' } as object);
    } catch (error) {
      throw statusOf(error) === 409 ? taken() : toUpstreamError(error);
    }
  };

  return {
    register: async (username, password) => {
      if (await isTaken(username)) throw taken();
      const release = await claims.claim(username);
      if (release === undefined) throw taken();
      try {
        // Who had the claim before may have made the account.
        if (await isTaken(username)) throw taken();
        await makeAccount(username, password);
      } finally {
        await release();
      }
    },

    checkPassword: createPasswordCheck(upstream),

    forgetClaim: (username) => claims.forget(username),

    isSuspended: async (username) => (await revisionOf(suspensionId(username))) !== undefined,

    suspend: async (username) => {
      const _id = suspensionId(username);
      const suspended_at = new Date(now()).toISOString();
      if ((await revisionOf(_id)) === undefined) {
        await unlessDone(() => suspensions.insert({ _id, type: 'suspension', username, suspended_at } as object));
      }
      onSuspension(username, true);
      // After the suspension, so that none begins behind the last one ended.
      await sessions.endAll(username, 'suspension');
    },

    restore: async (username) => {
      const id = suspensionId(username);
      // On a cluster two may have suspended at once, each in a branch of its own.
      for (let branches = MOST_BRANCHES; branches > 0; branches -= 1) {
        const revision = await revisionOf(id);
        if (revision === undefined) break;
        await unlessDone(() => suspensions.destroy(id, revision));
      }
      onSuspension(username, false);
    },
  };
}
