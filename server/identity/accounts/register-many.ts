/**
 * Creates many accounts, with a few requests for all of them. The rules are those of a registration: a name that was ever used is
 * not given to another person.
 */
import type { ServerScope } from 'nano';
import type { UserDocumentId, Username } from '../../../couchdb-design/user-document/user-document.ts';
import { HttpError } from '../../http/errors.ts';
import { getProperty } from '../../lib/json.ts';
import { readDocuments } from '../../upstream/read-documents.ts';
import { readManyLeaves, type StoredRevision } from '../../upstream/read-many-leaves.ts';
import { writeRows, type WrittenRow } from '../../upstream/write-rows.ts';
import { suspensionDocumentId } from '../sessions/document.ts';
import type { UsernameReservations } from './username-reservations.ts';

/** A password hash in the members of CouchDB's accounts. */
export interface PasswordHash {
  readonly password_scheme: 'pbkdf2';
  readonly pbkdf2_prf: string;
  readonly derived_key: string;
  readonly salt: string;
  readonly iterations: number;
}

export interface NewAccount {
  readonly username: Username;
  /** Undefined creates an account without a password, which an operator can set. */
  readonly secret: { readonly password: string } | PasswordHash | undefined;
}

/**
 * - `exists`: there is an account already, which may have no password. It was not changed.
 * - `reserved`: another process is creating it, or was killed less than half a minute ago.
 * - `refused`: the name cannot have an account.
 */
export type NewAccountResult =
  | { readonly kind: 'created' | 'reserved' }
  | { readonly kind: 'exists'; readonly hasPassword: boolean }
  | { readonly kind: 'refused'; readonly reason: string };

export interface RegisterManyOptions {
  readonly couch: ServerScope;
  /** The account that the gates use. */
  readonly serviceAccount: string;
  readonly registry: string;
  readonly idOf: (username: Username) => UserDocumentId;
  readonly sessionsDatabase: string;
  readonly reservations: Pick<UsernameReservations, 'reserveMany'>;
}

const USERS_DB = '_users';
/** The names of one request. CouchDB hashes the passwords of a request one after the other, at some 0.3 s each. */
const BATCH_SIZE = 100;
const PASSWORD_BATCH_SIZE = 20;
const accountId = (username: Username): string => `org.couchdb.user:${username}`;
/** Every password scheme of CouchDB stores one of these two. */
const hasHash = (account: StoredRevision): boolean => 'derived_key' in account || 'password_sha' in account;
const refused = (reason: string): NewAccountResult => ({ kind: 'refused', reason });

/** Resolves with a result for each account. Each name must be in the list once. Rejects with 502 or 503 when the database fails. */
export async function registerMany(
  options: RegisterManyOptions,
  accounts: readonly NewAccount[],
): Promise<ReadonlyMap<Username, NewAccountResult>> {
  const results = new Map<Username, NewAccountResult>();
  const hasPassword = ({ secret }: NewAccount): boolean => secret !== undefined && 'password' in secret;
  const batches = [
    ...toBatches(accounts.filter(hasPassword), PASSWORD_BATCH_SIZE),
    ...toBatches(
      accounts.filter((account) => !hasPassword(account)),
      BATCH_SIZE,
    ),
  ];
  for (const batch of batches)
    for (const [username, result] of await registerBatch(options, batch)) results.set(username, result);
  return results;
}

/** Resolves with the results that `registerMany` would have now, and writes nothing. */
export async function checkMany(
  options: RegisterManyOptions,
  accounts: readonly NewAccount[],
): Promise<ReadonlyMap<Username, NewAccountResult>> {
  const created = accounts.map(({ username }): [Username, NewAccountResult] => [username, { kind: 'created' }]);
  return new Map([...created, ...(await readResults(options, accounts))]);
}

const toBatches = <T>(items: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, index) => items.slice(index * size, (index + 1) * size));

async function registerBatch(
  options: RegisterManyOptions,
  accounts: readonly NewAccount[],
): Promise<ReadonlyMap<Username, NewAccountResult>> {
  const results = new Map(await readResults(options, accounts));
  const free = accounts.filter(({ username }) => !results.has(username));
  if (free.length === 0) return results;
  const reserved = await options.reservations.reserveMany(free.map(({ username }) => username));
  try {
    for (const { username } of free) if (!reserved.names.has(username)) results.set(username, { kind: 'reserved' });
    const own = free.filter(({ username }) => reserved.names.has(username));
    // The previous holder of a reservation may have created the account.
    for (const [username, result] of await readResults(options, own)) results.set(username, result);
    const pending = own.filter(({ username }) => !results.has(username));
    for (const [username, result] of await insertAccounts(options.couch, pending)) results.set(username, result);
  } finally {
    await reserved.release();
  }
  return results;
}

/** Resolves with the results that are known without a write. */
async function readResults(
  { couch, serviceAccount, registry, idOf, sessionsDatabase }: RegisterManyOptions,
  accounts: readonly NewAccount[],
): Promise<readonly (readonly [Username, NewAccountResult])[]> {
  const usernames = accounts.map(({ username }) => username);
  const [suspensions, stored] = await Promise.all([
    readDocuments(couch, sessionsDatabase, usernames.map(suspensionDocumentId)),
    readManyLeaves(
      couch,
      USERS_DB,
      usernames.map((username) => ({ id: accountId(username) })),
    ),
  ]);
  const leavesOf = (username: Username) => stored.get(accountId(username)) ?? [];
  const withoutAccount = usernames.filter((username) => leavesOf(username).length === 0);
  const documents = await readManyLeaves(
    couch,
    registry,
    withoutAccount.map((username) => ({ id: idOf(username) })),
  );
  const resultOf = (username: Username): NewAccountResult | undefined => {
    const suspension = suspensions.get(suspensionDocumentId(username));
    const account = leavesOf(username).find(({ _deleted }) => _deleted !== true);
    if (username === serviceAccount) return refused('is the account of the gates');
    if (getProperty(suspension, 'erased_at') !== undefined) return refused('was erased, and cannot be used again');
    if (account !== undefined) return { kind: 'exists', hasPassword: hasHash(account) };
    if (suspension !== undefined) return refused('is suspended');
    if (leavesOf(username).length > 0) return refused('had an account that was removed');
    return (documents.get(idOf(username)) ?? []).length > 0
      ? refused('has a document, but no account: it is another provider’s user, or the account was removed')
      : undefined;
  };
  return usernames.flatMap((username) => {
    const result = resultOf(username);
    return result === undefined ? [] : [[username, result] as const];
  });
}

/** CouchDB refuses the whole request if one password violates its `password_regexp`. */
async function insertAccounts(
  couch: ServerScope,
  accounts: readonly NewAccount[],
): Promise<readonly (readonly [Username, NewAccountResult])[]> {
  try {
    const rows = await writeRows(couch, USERS_DB, accounts.map(toDocument));
    return accounts.map(({ username }, index) => [username, toResult(rows[index])] as const);
  } catch (error) {
    const status = error instanceof HttpError ? error.upstream?.status : undefined;
    if (status !== 400 && status !== 403) throw error;
    const [first, ...others] = accounts;
    if (first === undefined) return [];
    if (others.length === 0) return [[first.username, refused('cannot have this password, which CouchDB refuses')]];
    const results = [];
    for (const account of accounts) results.push(...(await insertAccounts(couch, [account])));
    return results;
  }
}

/** Without a role the account has no access to CouchDB's databases. */
const toDocument = ({ username, secret }: NewAccount) => ({
  _id: accountId(username),
  name: username,
  roles: [],
  type: 'user',
  ...secret,
});

function toResult(row: WrittenRow | undefined): NewAccountResult {
  if (row?.error === undefined) return { kind: 'created' };
  return row.error.name === 'conflict'
    ? { kind: 'exists', hasPassword: true }
    : refused(`is refused by CouchDB: ${row.error.reason}`);
}
