import type { ServerScope } from 'nano';
import { z } from 'zod';
import type { Username } from '../../../couchdb-design/user-document/user-document.ts';
import { badGateway } from '../../http/errors.ts';
import { statusOf } from '../../upstream/client.ts';
import { toUpstreamError } from '../../upstream/upstream-error.ts';
import { CommandError } from './command-error.ts';

/** An account as it lies in `_users`, its password's hash too: never to be printed (without-secrets.ts). */
export type AccountDocument = z.infer<typeof accountSchema>;

const accountSchema = z.looseObject({
  _id: z.string(),
  _rev: z.string(),
  _deleted: z.literal(true).optional(),
  roles: z.array(z.string()).default([]),
  /** Every scheme that CouchDB has had keeps one of the two. */
  derived_key: z.string().optional(),
  password_sha: z.string().optional(),
});
const bulkGetSchema = z.object({
  results: z.tuple([
    z.object({
      id: z.string(),
      docs: z.array(z.union([z.object({ ok: accountSchema }), z.object({ error: z.unknown() })])),
    }),
  ]),
});

const USERS_DB = '_users';

/**
 * Undefined when there is none any more, or there never was. By `_bulk_get`: lists of `_users` are for server admins alone,
 * and a GET's 404 could be the database's.
 */
export async function readAccount(couch: ServerScope, username: Username): Promise<AccountDocument | undefined> {
  const id = `org.couchdb.user:${username}`;
  const body = { docs: [{ id }] };
  const response: unknown = await couch
    .request({ db: USERS_DB, path: '_bulk_get', method: 'post', body })
    .catch((error: unknown) => {
      throw toUpstreamError(error);
    });
  const [result] = bulkGetSchema.safeParse(response).data?.results ?? [];
  if (result?.id !== id) throw badGateway("The database's answer about an account is not one.");
  const found = result.docs.flatMap((leaf) => ('ok' in leaf ? [leaf.ok] : []));
  return found.find(({ _deleted }) => _deleted !== true);
}

/** Without a password nobody signs in by it: what is left of an account that only a server admin could delete. */
export const hasPassword = (account: AccountDocument): boolean =>
  account.derived_key !== undefined || account.password_sha !== undefined;

export async function setPassword(couch: ServerScope, account: AccountDocument, password: string): Promise<void> {
  await write(couch, { ...account, password });
}

/** Leaves the name alone, which has to stay taken. */
export async function clearAccount(couch: ServerScope, { _id, _rev }: AccountDocument): Promise<void> {
  await write(couch, { _id, _rev, type: 'user', name: _id.slice('org.couchdb.user:'.length), roles: [] });
}

/** CouchDB lets a server admin alone do it, whoever administers `_users` (its `_design/_auth`, seen with 3.4.3). */
export async function deleteAccount(admin: ServerScope, { _id, _rev }: AccountDocument): Promise<void> {
  await write(admin, { _id, _rev, _deleted: true });
}

async function write(couch: ServerScope, document: object): Promise<void> {
  try {
    await couch.use<object>(USERS_DB).insert(document);
  } catch (error) {
    if (statusOf(error) === 409) throw new CommandError('Another has just changed the account; run this again.');
    throw toUpstreamError(error);
  }
}
