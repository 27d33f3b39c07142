import type { DocumentScope } from 'nano';
import type { UserDocumentId, Username } from '../../couchdb-design/user-document.ts';
import { conflict } from '../errors.ts';
import { statusOf, type Upstream } from '../upstream/couch.ts';
import { toUpstreamError } from '../upstream/upstream-error.ts';
import { writeAlone } from '../upstream/write-alone.ts';
import { createPasswordCheck, type CheckPassword } from './check-password.ts';
import { everExisted, readDocuments } from './read-documents.ts';
import { suspensionId } from './session-document.ts';
import type { Sessions } from './sessions.ts';

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

const MOST_BRANCHES = 5;

const taken = () => conflict('This name is taken.');

export function createAccounts(options: AccountsOptions): Accounts {
  const { upstream, registry, idOf, sessionsDatabase, sessions, onSuspension, now } = options;
  const { access, couch } = upstream;
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

  return {
    register: async (username, password) => {
      const id = `org.couchdb.user:${username}`;
      // Names are not used again, or their next owner would get the document of the one before: that of an account
      // which was removed, or of a user of another identity provider.
      const isTaken =
        username === access.username ||
        // One that was erased stays suspended for good; so may one be that nobody has used yet.
        (await revisionOf(suspensionId(username))) !== undefined ||
        (await everExisted(couch, USERS_DB, id)) ||
        (await everExisted(couch, registry, idOf(username)));
      if (isTaken) throw taken();
      // No role: whoever takes the password to CouchDB itself gets nothing there for it.
      const account = { _id: id, name: username, password, roles: [], type: 'user' };
      if ((await writeAlone(couch, USERS_DB, account)) === undefined) throw taken();
    },

    checkPassword: createPasswordCheck(upstream),

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
