import type { DocumentScope } from 'nano';
import type { UserDocumentId, Username } from '../../../couchdb-design/user-document/user-document.ts';
import { conflict } from '../../http/errors.ts';
import { statusOf, type Upstream } from '../../upstream/client.ts';
import { toUpstreamError } from '../../upstream/upstream-error.ts';
import { createPasswordVerifier, type VerifyPassword } from './verify-password.ts';
import { createUsernameReservations } from './username-reservations.ts';
import { hasEverExisted, readDocuments } from '../../upstream/read-documents.ts';
import { suspensionDocumentId } from '../sessions/document.ts';
import type { Sessions } from '../sessions/sessions.ts';

/** Accounts, as documents of CouchDB's own `_users`. Everything rejects with 502 or 503 when the database fails. */
export interface Accounts {
  /** Makes an account. Rejects with 409 when the name is, or ever was, somebody's. */
  register(username: Username, password: string): Promise<void>;
  readonly verifyPassword: VerifyPassword;
  isSuspended(username: Username): Promise<boolean>;
  /** Takes every right from a user, also from one of another identity provider, and ends their sessions. */
  suspend(username: Username): Promise<void>;
  /** Lets a suspended user in again; ended sessions stay ended. */
  restore(username: Username): Promise<void>;
  /** Removes what a registration that was cut off has left. */
  removeReservation(username: Username): Promise<void>;
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

const accountDocumentId = (username: Username): string => `org.couchdb.user:${username}`;

const MAX_BRANCHES = 5;

const usernameTaken = () => conflict('This name is taken.');

export function createAccounts(options: AccountsOptions): Accounts {
  const { upstream, registry, idOf, sessionsDatabase, sessions, onSuspension, now } = options;
  const { access, couch } = upstream;
  const users: DocumentScope<unknown> = couch.use(USERS_DB);
  const reservations = createUsernameReservations(couch, sessionsDatabase, now);
  const suspensions: DocumentScope<unknown> = couch.use(sessionsDatabase);

  const readRevision = async (id: string): Promise<string | undefined> =>
    (await readDocuments(couch, sessionsDatabase, [id])).get(id)?._rev;

  /** Does `write`; a conflict means that another has just done the same. */
  const ignoreConflict = async (write: () => Promise<unknown>): Promise<void> => {
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
    (await readRevision(suspensionDocumentId(username))) !== undefined ||
    (await hasEverExisted(couch, USERS_DB, accountDocumentId(username))) ||
    (await hasEverExisted(couch, registry, idOf(username)));

  const insertAccount = async (username: Username, password: string): Promise<void> => {
    try {
      // No role: whoever takes the password to CouchDB itself gets nothing there for it.
      await users.insert({
        _id: accountDocumentId(username),
        name: username,
        password,
        roles: [],
        type: 'user',
      } as object);
    } catch (error) {
      throw statusOf(error) === 409 ? usernameTaken() : toUpstreamError(error);
    }
  };

  return {
    register: async (username, password) => {
      if (await isTaken(username)) throw usernameTaken();
      const release = await reservations.reserve(username);
      if (release === undefined) throw usernameTaken();
      try {
        // Who had the claim before may have made the account.
        if (await isTaken(username)) throw usernameTaken();
        await insertAccount(username, password);
      } finally {
        await release();
      }
    },

    verifyPassword: createPasswordVerifier(upstream),

    removeReservation: (username) => reservations.remove(username),

    isSuspended: async (username) => (await readRevision(suspensionDocumentId(username))) !== undefined,

    suspend: async (username) => {
      const _id = suspensionDocumentId(username);
      const suspended_at = new Date(now()).toISOString();
      if ((await readRevision(_id)) === undefined) {
        await ignoreConflict(() => suspensions.insert({ _id, type: 'suspension', username, suspended_at } as object));
      }
      onSuspension(username, true);
      // After the suspension, so that none begins behind the last one ended.
      await sessions.endAll(username, 'suspension');
    },

    restore: async (username) => {
      const id = suspensionDocumentId(username);
      // On a cluster two may have suspended at once, each in a branch of its own.
      for (let branches = MAX_BRANCHES; branches > 0; branches -= 1) {
        const revision = await readRevision(id);
        if (revision === undefined) break;
        await ignoreConflict(() => suspensions.destroy(id, revision));
      }
      onSuspension(username, false);
    },
  };
}
