import { z } from 'zod';
import { forbidden, HttpError } from '../../errors.ts';

/** Who asks: the engine's own administrator, an account of `_users`, or nobody. */
export interface Session {
  readonly name: string | null;
  readonly roles: readonly string[];
}

export const NOBODY: Session = { name: null, roles: [] };

export const isAdmin = (session: Session): boolean => session.roles.includes('_admin');

const names = z.array(z.string()).default([]);
const people = z.object({ names, roles: names }).default({ names: [], roles: [] });
const securitySchema = z.object({ admins: people, members: people });

/** What a database has until it is given another, as CouchDB 3 has it: nobody but the administrator. */
export const CLOSED_SECURITY = { admins: { roles: ['_admin'] }, members: { roles: ['_admin'] } };

/** What CouchDB takes for a security object, and nothing else. */
export const isSecurity = (value: unknown): boolean => securitySchema.safeParse(value).success;

export const adminOnly = (): HttpError => new HttpError(401, 'unauthorized', 'You are not a server admin.');

/**
 * Throws unless `session` may read and write documents of a database with this security object. An empty list of members
 * means everybody to CouchDB; here it means nobody, since no database of ours is meant for everybody.
 */
export function checkMember(session: Session, security: unknown): void {
  if (isAdmin(session)) return;
  if (session.name === null) throw new HttpError(401, 'unauthorized', 'You are not authorized to access this db.');
  const { admins, members } = securitySchema.parse(security);
  const isIn = (list: z.infer<typeof people>): boolean =>
    list.names.includes(session.name ?? '') || list.roles.some((role) => session.roles.includes(role));
  if (!isIn(admins) && !isIn(members)) throw forbidden('You are not allowed to access this db.');
}
