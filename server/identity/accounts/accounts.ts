import type { DocumentScope, ServerScope } from 'nano';
import type { UserDocumentId, Username } from '../../../couchdb-design/user-document/user-document.ts';
import { conflict } from '../../http/errors.ts';
import { statusOf, type Upstream } from '../../upstream/client.ts';
import { toUpstreamError } from '../../upstream/upstream-error.ts';
import {
  checkMany,
  registerMany,
  type NewAccount,
  type NewAccountResult,
  type RegisterManyOptions,
} from './register-many.ts';
import { UsernameReservations } from './username-reservations.ts';
import { hasEverExisted, readDocuments } from '../../upstream/read-documents.ts';
import { readManyLeaves } from '../../upstream/read-many-leaves.ts';
import { COUCHDB_WORK, type Work } from '../passwords/hash-work.ts';
import {
  createPasswordVerifier,
  createTurns,
  type CheckedClient,
  type VerifyPassword,
} from '../passwords/password-checks.ts';
import type { Turns } from '../passwords/turns.ts';
import { suspensionDocumentId } from '../sessions/document.ts';
import type { Sessions } from '../sessions/sessions.ts';

export interface AccountsOptions {
  readonly upstream: Upstream;
  /** The name of the database with the user documents. */
  readonly registry: string;
  readonly idOf: (username: Username) => UserDocumentId;
  readonly sessionsDatabase: string;
  readonly sessions: Pick<Sessions, 'endAll'>;
  /** Called as soon as a suspension is stored or removed. */
  readonly onSuspension: (username: Username, isSuspended: boolean) => void;
  /** The time in ms. */
  readonly now: () => number;
  /** The work of the accounts that the database creates. The default is that of CouchDB. */
  readonly passwordWork?: Work | undefined;
}

const USERS_DB = '_users';

const accountDocumentId = (username: Username): string => `org.couchdb.user:${username}`;

const MAX_BRANCHES = 5;

const usernameTaken = () => conflict('This name is taken.');

/** Runs `write`. A conflict means that another write has just had the same effect. */
async function ignoreConflict(write: () => Promise<unknown>): Promise<void> {
  try {
    await write();
  } catch (error) {
    if (statusOf(error) !== 409) throw toUpstreamError(error);
  }
}

/** Accounts, stored as documents of CouchDB's `_users`. Every method rejects with 502 or 503 when the database fails. */
export class Accounts {
  readonly verifyPassword: VerifyPassword;
  readonly #options: AccountsOptions;
  readonly #couch: ServerScope;
  readonly #users: DocumentScope<unknown>;
  readonly #suspensions: DocumentScope<unknown>;
  readonly #reservations: UsernameReservations;
  /** Of everything that computes a password hash: checks here, registrations in the database. */
  readonly #turns: Turns = createTurns();

  constructor(options: AccountsOptions) {
    const { upstream, sessionsDatabase, now, passwordWork: work = COUCHDB_WORK } = options;
    const { couch, access } = upstream;
    this.verifyPassword = createPasswordVerifier({ couch, serviceAccount: access.username, work, turns: this.#turns });
    this.#options = options;
    this.#couch = upstream.couch;
    this.#users = upstream.couch.use(USERS_DB);
    this.#suspensions = upstream.couch.use(sessionsDatabase);
    this.#reservations = new UsernameReservations(upstream.couch, sessionsDatabase, now);
  }

  /** Creates an account. Rejects with 409 when the name is taken or was ever used, 499 and 503 as `verifyPassword` does. */
  async register(username: Username, password: string, { key, signal }: CheckedClient = { key: '' }): Promise<void> {
    if (await this.#isTaken(username)) throw usernameTaken();
    const release = await this.#reservations.reserve(username);
    if (release === undefined) throw usernameTaken();
    try {
      // The previous holder of the reservation may have created the account.
      if (await this.#isTaken(username)) throw usernameTaken();
      await this.#turns.run(key, signal, () => this.#insertAccount(username, password));
    } finally {
      await release();
    }
  }

  /** Creates many accounts. Each name must be in the list once. */
  registerMany(accounts: readonly NewAccount[]): Promise<ReadonlyMap<Username, NewAccountResult>> {
    return registerMany(this.#bulkOptions(), accounts);
  }

  /** Returns what `registerMany` would do now. Writes nothing. */
  checkMany(accounts: readonly NewAccount[]): Promise<ReadonlyMap<Username, NewAccountResult>> {
    return checkMany(this.#bulkOptions(), accounts);
  }

  #bulkOptions(): RegisterManyOptions {
    const { upstream, registry, idOf, sessionsDatabase } = this.#options;
    const { couch, access } = upstream;
    return {
      couch,
      serviceAccount: access.username,
      registry,
      idOf,
      sessionsDatabase,
      reservations: this.#reservations,
    };
  }

  /** Removes an account. Its name stays taken. On a CouchDB only a server admin may do this. */
  async remove(username: Username): Promise<void> {
    const id = accountDocumentId(username);
    const leaves = (await readManyLeaves(this.#couch, USERS_DB, [{ id }])).get(id) ?? [];
    for (const { _rev, _deleted } of leaves)
      if (_deleted !== true) await ignoreConflict(() => this.#users.destroy(id, _rev));
  }

  /** Removes the reservation that an aborted registration has left. */
  removeReservation(username: Username): Promise<void> {
    return this.#reservations.remove(username);
  }

  async isSuspended(username: Username): Promise<boolean> {
    return (await this.#readSuspensionRevision(username)) !== undefined;
  }

  /** Revokes all access of a user, also of one from another identity provider, and ends their sessions. */
  async suspend(username: Username): Promise<void> {
    const { sessions, onSuspension, now } = this.#options;
    const suspended_at = new Date(now()).toISOString();
    if (!(await this.isSuspended(username))) {
      const suspension = { _id: suspensionDocumentId(username), type: 'suspension', username, suspended_at };
      await ignoreConflict(() => this.#suspensions.insert(suspension));
    }
    onSuspension(username, true);
    // After the suspension is stored, so that no session starts after the last one ended.
    await sessions.endAll(username, 'suspension');
  }

  /** Lifts a suspension. Ended sessions stay ended. */
  async restore(username: Username): Promise<void> {
    // In a cluster, two concurrent suspensions may be stored as two conflicting branches.
    for (let branches = MAX_BRANCHES; branches > 0; branches -= 1) {
      const revision = await this.#readSuspensionRevision(username);
      if (revision === undefined) break;
      await ignoreConflict(() => this.#suspensions.destroy(suspensionDocumentId(username), revision));
    }
    this.#options.onSuspension(username, false);
  }

  async #readSuspensionRevision(username: Username): Promise<string | undefined> {
    const id = suspensionDocumentId(username);
    return (await readDocuments(this.#couch, this.#options.sessionsDatabase, [id])).get(id)?._rev;
  }

  /**
   * A name is never reused, because its next owner would get the previous owner's document: that of a removed account, or of a
   * user of another identity provider.
   */
  async #isTaken(username: Username): Promise<boolean> {
    const { upstream, registry, idOf } = this.#options;
    return (
      username === upstream.access.username ||
      // An erased user stays suspended forever. An operator may also suspend a name that was never used.
      (await this.isSuspended(username)) ||
      (await hasEverExisted(this.#couch, USERS_DB, accountDocumentId(username))) ||
      (await hasEverExisted(this.#couch, registry, idOf(username)))
    );
  }

  async #insertAccount(username: Username, password: string): Promise<void> {
    try {
      // Without a role the account has no access to CouchDB's databases.
      await this.#users.insert({
        _id: accountDocumentId(username),
        name: username,
        password,
        roles: [],
        type: 'user',
      } as object);
    } catch (error) {
      throw statusOf(error) === 409 ? usernameTaken() : toUpstreamError(error);
    }
  }
}

/** Creates the accounts of a deployment. */
export const createAccounts = (options: AccountsOptions): Accounts => new Accounts(options);
