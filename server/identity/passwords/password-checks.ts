import { availableParallelism } from 'node:os';
import type { ServerScope } from 'nano';
import type { Username } from '../../../couchdb-design/user-document/user-document.ts';
import { readManyLeaves } from '../../upstream/read-many-leaves.ts';
import { checkPassword } from './check-password.ts';
import { CommonWork, type Work } from './hash-work.ts';
import { readStoredHash, type StoredHash } from './stored-hash.ts';
import { Turns } from './turns.ts';

/** Whose turn a check takes, and when it is no longer needed. */
export interface CheckedClient {
  /** The client's address. Checks run in fair order of addresses. */
  readonly key: string;
  /** Aborts when the client has disconnected. */
  readonly signal?: AbortSignal;
}

/**
 * Resolves with whether the password is the user's. Rejects with 502 or 503 when it could not be checked, 499 when the client has
 * disconnected before the check started.
 */
export type VerifyPassword = (username: Username, password: string, client?: CheckedClient) => Promise<boolean>;

export interface PasswordChecksOptions {
  readonly couch: ServerScope;
  /** The name of the gates' own account, which cannot sign in. */
  readonly serviceAccount: string;
  /** The work of the accounts that the database creates by default. */
  readonly work: Work;
  readonly turns: Turns;
}

const USERS_DB = '_users';

const accountDocumentId = (username: string): string => `org.couchdb.user:${username}`;

/** Leaves a core to the event loop and the database where there are several. */
export const createTurns = (): Turns =>
  new Turns({ maxRunning: Math.min(3, Math.max(1, availableParallelism() - 1)), now: () => performance.now() });

/**
 * Creates the check of users' passwords. The gate reads the account and computes the hash itself, instead of `POST /_session`,
 * because that reveals more than whether the password is right, and lets one client lock another out (CouchDB 3.4.3):
 *
 * - it computes no hash for an absent name, and one of five iterations for an account that has signed in lately;
 * - it counts failures by the gate's address, and after five of them refuses the right password for minutes as well.
 *
 * Each check reads the service account too: its hash shows what the database's settings make a hash cost.
 *
 * @param options - The database, and the limits of the checks.
 * @returns The check.
 */
export function createPasswordVerifier({ couch, serviceAccount, work, turns }: PasswordChecksOptions): VerifyPassword {
  const common = new CommonWork(work);
  const readHash = async (username: Username): Promise<StoredHash | undefined> => {
    const ids = [...new Set([username, serviceAccount])].map((name) => ({ id: accountDocumentId(name) }));
    const leaves = await readManyLeaves(couch, USERS_DB, ids);
    const hashOf = (name: string) => readStoredHash(name, leaves.get(accountDocumentId(name)) ?? []);
    const hash = username === serviceAccount ? undefined : hashOf(username);
    common.learn(hashOf(serviceAccount));
    common.learn(hash);
    return hash;
  };
  return (username, password, { key, signal } = { key: '' }) =>
    turns.run(key, signal, async () => checkPassword(await readHash(username), password, common));
}
