import type { ServerScope } from 'nano';
import { z } from 'zod';
import type { Username } from '../../../couchdb-design/user-document/user-document.ts';
import { badGateway } from '../../http/errors.ts';
import { statusOf } from '../../upstream/client.ts';
import { toUpstreamError } from '../../upstream/upstream-error.ts';
import { CommandError } from '../command-error.ts';

/** An account as stored in `_users`, with its password hash. Never print it unredacted (redact.ts). */
export type AccountDocument = z.infer<typeof accountSchema>;

const accountSchema = z.looseObject({
  _id: z.string(),
  _rev: z.string(),
  _deleted: z.literal(true).optional(),
  roles: z.array(z.string()).default([]),
  /** Every password scheme of CouchDB stores one of these two. */
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
 * Resolves with undefined if the account does not exist or is deleted. Uses `_bulk_get`, because only server admins may list
 * `_users`, and the 404 of a GET could mean that the database is missing.
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
  if (result?.id !== id) throw badGateway("The database's response about an account is invalid.");
  const found = result.docs.flatMap((leaf) => ('ok' in leaf ? [leaf.ok] : []));
  return found.find(({ _deleted }) => _deleted !== true);
}

/** False for the remainder of an erased account, which only a server admin can delete. */
export const hasPassword = (account: AccountDocument): boolean =>
  account.derived_key !== undefined || account.password_sha !== undefined;

/** Changes the password, which CouchDB hashes. Rejects with a CommandError on a conflict. */
export async function setPassword(couch: ServerScope, account: AccountDocument, password: string): Promise<void> {
  await write(couch, { ...account, password });
}

/** Removes everything but the name, which has to stay taken. */
export async function clearAccount(couch: ServerScope, { _id, _rev }: AccountDocument): Promise<void> {
  await write(couch, { _id, _rev, type: 'user', name: _id.slice('org.couchdb.user:'.length), roles: [] });
}

/** Only a server admin may do this, not the admins of `_users` (its `_design/_auth`, seen with 3.4.3). */
export async function deleteAccount(admin: ServerScope, { _id, _rev }: AccountDocument): Promise<void> {
  await write(admin, { _id, _rev, _deleted: true });
}

async function write(couch: ServerScope, document: object): Promise<void> {
  try {
    await couch.use<object>(USERS_DB).insert(document);
  } catch (error) {
    if (statusOf(error) === 409)
      throw new CommandError('Another process has just changed the account. Run this again.');
    throw toUpstreamError(error);
  }
}
