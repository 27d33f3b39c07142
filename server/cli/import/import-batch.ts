/** Imports a batch of documents with a handful of requests. */
import {
  decodeSubject,
  type Username,
  type UserDocument,
  type Values,
} from '../../../couchdb-design/user-document/user-document.ts';
import type { NewAccountResult } from '../../identity/accounts/register-many.ts';
import { suspensionDocumentId } from '../../identity/sessions/document.ts';
import { getProperty } from '../../lib/json.ts';
import { readDocuments } from '../../upstream/read-documents.ts';
import { readManyLeaves } from '../../upstream/read-many-leaves.ts';
import { toUpstreamError } from '../../upstream/upstream-error.ts';
import { writeRows } from '../../upstream/write-rows.ts';
import { CommandError } from '../command-error.ts';
import type { Deployment } from '../deployment.ts';
import { mergeUsers, type MappedUser } from './mapped-user.ts';
import { planDocument, type DocumentPlan } from './plan-document.ts';
import type { AccountStatus, ImportRow } from './report.ts';

/** A document of the source that belongs to a user. */
export interface ImportItem {
  readonly source: string;
  readonly user: MappedUser;
  readonly conflicts: number;
}

export interface ImportTarget {
  readonly deployment: Deployment;
  readonly dryRun: boolean;
}

/** Another writer may change a document between its read and its write. */
const MAX_ROUNDS = 10;

type Result = Pick<ImportRow, 'status' | 'reason' | 'kept'>;

/**
 * Imports the items, and resolves with a row for each, and the items whose names are reserved by another process. An import of
 * the same items again writes nothing.
 */
export async function importBatch(
  target: ImportTarget,
  items: readonly ImportItem[],
): Promise<{ readonly rows: ImportRow[]; readonly reserved: ImportItem[] }> {
  const users = mergeByName(items);
  const accounts = await createAccounts(target, users);
  const importable = [...users].filter(([username]) => isImportable(accounts.get(username)));
  const results = await importDocuments(
    target,
    new Map(importable.map(([username, { document }]) => [username, document])),
  );
  const isReserved = ({ user }: ImportItem): boolean => accounts.get(user.username)?.kind === 'reserved';
  const rows = items
    .filter((item) => !isReserved(item))
    .map((item) => createRow(item, accounts.get(item.user.username), results.get(item.user.username)));
  return { rows, reserved: items.filter(isReserved) };
}

/** Several documents of the source may belong to one user. */
function mergeByName(items: readonly ImportItem[]): ReadonlyMap<Username, MappedUser> {
  const users = new Map<Username, MappedUser>();
  for (const { user } of items) {
    const other = users.get(user.username);
    users.set(user.username, other === undefined ? user : mergeUsers([other, user]));
  }
  return users;
}

type AccountResult = NewAccountResult | { readonly kind: 'none' };

/**
 * Creates accounts before the documents: a document without an account makes a name unusable. So that every imported user can get a
 * password, those without a usable hash get an account as well.
 */
async function createAccounts(
  { deployment, dryRun }: ImportTarget,
  users: ReadonlyMap<Username, MappedUser>,
): Promise<ReadonlyMap<Username, AccountResult>> {
  const { accounts, hasPasswordSignIn, upstream, sessionsDatabase } = deployment;
  const usernames = [...users.keys()];
  if (hasPasswordSignIn) {
    const requests = [...users].map(([username, { credentials }]) => ({ username, secret: credentials.secret }));
    return await (dryRun ? accounts.checkMany(requests) : accounts.registerMany(requests));
  }
  const suspensions = await readDocuments(upstream.couch, sessionsDatabase, usernames.map(suspensionDocumentId));
  return new Map(
    usernames.map((username): [Username, AccountResult] => {
      const isErased = getProperty(suspensions.get(suspensionDocumentId(username)), 'erased_at') !== undefined;
      return [
        username,
        isErased ? { kind: 'refused', reason: 'was erased, and cannot be used again' } : { kind: 'none' },
      ];
    }),
  );
}

const isImportable = (account: AccountResult | undefined): boolean =>
  account !== undefined && account.kind !== 'refused' && account.kind !== 'reserved';

async function importDocuments(
  { deployment, dryRun }: ImportTarget,
  documents: ReadonlyMap<Username, UserDocument<Values>>,
): Promise<ReadonlyMap<Username, Result>> {
  const { upstream, registry, rules } = deployment;
  const results = new Map<Username, Result>();
  let pending = [...documents];
  for (let round = 0; pending.length > 0; round += 1) {
    if (round > MAX_ROUNDS) throw new CommandError(`Another process keeps writing to ${registry}. Run this again.`);
    const requests = pending.map(([, { _id: id }]) => ({ id }));
    const stored = await readManyLeaves(upstream.couch, registry, requests);
    const plans = pending.map(([username, document]) => ({
      username,
      plan: planDocument(stored.get(document._id) ?? [], document, rules),
    }));
    const unfinished = dryRun ? [] : await applyPlans(deployment, plans);
    for (const { username, plan } of plans) if (!unfinished.includes(username)) results.set(username, toResult(plan));
    pending = pending.filter(([username]) => unfinished.includes(username));
  }
  return results;
}

/** Resolves with the names whose documents have to be read again. */
async function applyPlans(
  { upstream: { couch }, registry }: Deployment,
  plans: readonly { readonly username: Username; readonly plan: DocumentPlan }[],
): Promise<Username[]> {
  const resolutions = plans.flatMap(({ plan }) => (plan.kind === 'resolve' ? plan.docs : []));
  if (resolutions.length > 0) {
    await couch
      .use<object>(registry)
      .bulk({ docs: resolutions, new_edits: false })
      .catch((error: unknown) => {
        throw toUpstreamError(error);
      });
  }
  const writes = plans.flatMap(({ username, plan }) =>
    plan.kind === 'write' ? [{ username, document: plan.document }] : [],
  );
  const rows = await writeRows(
    couch,
    registry,
    writes.map(({ document }) => document),
  );
  const conflicting = writes.filter((_, index) => rows[index]?.error?.name === 'conflict');
  const refused = rows.find(({ error }) => error !== undefined && error.name !== 'conflict');
  if (refused?.error !== undefined) {
    throw new CommandError(`CouchDB refuses ${refused.id}: ${refused.error.reason}. Run "doctor" to find the cause.`);
  }
  return [
    ...plans.filter(({ plan }) => plan.kind === 'resolve').map(({ username }) => username),
    ...conflicting.map(({ username }) => username),
  ];
}

function toResult(plan: DocumentPlan): Result {
  switch (plan.kind) {
    case 'write':
      return { status: 'imported', ...(plan.kept.length > 0 ? { kept: plan.kept } : {}) };
    case 'unchanged':
      return { status: 'unchanged', ...(plan.kept.length > 0 ? { kept: plan.kept } : {}) };
    // Only a dry run does not resolve the conflict.
    case 'resolve':
      return { status: 'imported' };
    case 'skip':
      return { status: 'skipped', reason: plan.reason };
  }
}

function createRow(
  { source, user, conflicts }: ImportItem,
  account: AccountResult | undefined,
  result: Result | undefined,
): ImportRow {
  const { username, leftOut, credentials } = user;
  const base = { source, username: decodeSubject(username), ...(conflicts > 0 ? { conflicts } : {}) };
  const details = leftOut.length > 0 ? { leftOut } : {};
  if (account?.kind === 'refused')
    return { ...base, status: 'skipped', reason: `is skipped: the name ${account.reason}`, ...details };
  const status = toAccountStatus(account, credentials.secret !== undefined);
  const { status: documentStatus = 'skipped', ...rest } = result ?? {};
  return {
    ...base,
    status: documentStatus === 'unchanged' && account?.kind === 'created' ? 'imported' : documentStatus,
    ...rest,
    account: status,
    ...(status === 'password-needed' && credentials.problem !== undefined ? { password: credentials.problem } : {}),
    ...details,
  };
}

function toAccountStatus(account: AccountResult | undefined, hasSecret: boolean): AccountStatus {
  if (account?.kind === 'created') return hasSecret ? 'created' : 'password-needed';
  if (account?.kind !== 'exists') return 'none';
  return account.hasPassword ? 'exists' : 'password-needed';
}
