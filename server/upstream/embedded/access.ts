import { z } from 'zod';
import { forbidden, HttpError } from '../../http/errors.ts';

/** The authenticated caller: the engine's administrator, an account of `_users`, or anonymous (name null). */
export interface Session {
  readonly name: string | null;
  readonly roles: readonly string[];
}

export const ANONYMOUS: Session = { name: null, roles: [] };

export const isAdmin = (session: Session): boolean => session.roles.includes('_admin');

const namesSchema = z.array(z.string()).default([]);
const principalsSchema = z.object({ names: namesSchema, roles: namesSchema }).default({ names: [], roles: [] });
const securitySchema = z.object({ admins: principalsSchema, members: principalsSchema });

/** The default security object, as in CouchDB 3: access for the administrator only. */
export const CLOSED_SECURITY = { admins: { roles: ['_admin'] }, members: { roles: ['_admin'] } };

/** Returns whether CouchDB would accept the value as a security object. */
export const isSecurity = (value: unknown): boolean => securitySchema.safeParse(value).success;

export const adminRequired = (): HttpError => new HttpError(401, 'unauthorized', 'You are not a server admin.');

/**
 * Throws 401 or 403 unless `session` may read and write documents of a database with this security object. An empty list
 * of members means public access in CouchDB; here it means none, since no database of the gate is public.
 */
export function assertMember(session: Session, security: unknown): void {
  const { admins, members } = securitySchema.parse(security);
  assertListed(session, [admins, members]);
}

/**
 * Throws 401 or 403 unless `session` may access accounts: only admins of that database may, never its members. Lists of
 * all accounts require the server's administrator, as in CouchDB.
 */
export function assertAccountsAdmin(session: Session, security: unknown, part: string | undefined): void {
  assertListed(session, [securitySchema.parse(security).admins]);
  if (!isAdmin(session) && (part === '_all_docs' || part === '_changes')) throw adminRequired();
}

function assertListed(session: Session, lists: readonly z.infer<typeof principalsSchema>[]): void {
  if (isAdmin(session)) return;
  const { name, roles } = session;
  if (name === null) throw new HttpError(401, 'unauthorized', 'You are not authorized to access this db.');
  const isListed = lists.some((list) => list.names.includes(name) || list.roles.some((role) => roles.includes(role)));
  if (!isListed) throw forbidden('You are not allowed to access this db.');
}
