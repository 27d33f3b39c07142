import { z } from 'zod';
import { forbidden, HttpError } from '../../http/errors.ts';

/** Who asks: the engine's own administrator, an account of `_users`, or nobody. */
export interface Session {
  readonly name: string | null;
  readonly roles: readonly string[];
}

export const ANONYMOUS: Session = { name: null, roles: [] };

export const isAdmin = (session: Session): boolean => session.roles.includes('_admin');

const namesSchema = z.array(z.string()).default([]);
const principalsSchema = z.object({ names: namesSchema, roles: namesSchema }).default({ names: [], roles: [] });
const securitySchema = z.object({ admins: principalsSchema, members: principalsSchema });

/** What a database has until it is given another, as CouchDB 3 has it: nobody but the administrator. */
export const CLOSED_SECURITY = { admins: { roles: ['_admin'] }, members: { roles: ['_admin'] } };

/** What CouchDB takes for a security object, and nothing else. */
export const isSecurity = (value: unknown): boolean => securitySchema.safeParse(value).success;

export const adminRequired = (): HttpError => new HttpError(401, 'unauthorized', 'You are not a server admin.');

/**
 * Throws unless `session` may read and write documents of a database with this security object. An empty list of members
 * means everybody to CouchDB; here it means nobody, since no database of ours is meant for everybody.
 */
export function assertMember(session: Session, security: unknown): void {
  const { admins, members } = securitySchema.parse(security);
  assertListed(session, [admins, members]);
}

/**
 * Accounts are nobody's business: only who administers that database comes near them, whoever its members are. Lists of
 * all of them are for the server's administrator alone, as in CouchDB.
 */
export function assertAccountsAdmin(session: Session, security: unknown, part: string | undefined): void {
  assertListed(session, [securitySchema.parse(security).admins]);
  if (!isAdmin(session) && (part === '_all_docs' || part === '_changes')) throw adminRequired();
}

function assertListed(session: Session, lists: readonly z.infer<typeof principalsSchema>[]): void {
  if (isAdmin(session)) return;
  const { name, roles } = session;
  if (name === null) throw new HttpError(401, 'unauthorized', 'You are not authorized to access this db.');
  const isIn = lists.some((list) => list.names.includes(name) || list.roles.some((role) => roles.includes(role)));
  if (!isIn) throw forbidden('You are not allowed to access this db.');
}
