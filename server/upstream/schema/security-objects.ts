import { z } from 'zod';
import { canonicalJson } from '../../../couchdb-design/user-document/canonical-json.ts';
import type { SecurityObject } from './design-documents.ts';

/** The role of the account as which a gate works; validate_doc_update knows it too. */
export const SERVICE_ROLE = 'pouchgate_service';
export const SERVER_ADMIN = '_admin';

/**
 * By role and never by name: with the gate's key anybody may be signed in by their name, and of another identity
 * provider's users one may be called as the service account is.
 */
const rolesOnly = (admins: readonly string[], members: readonly string[]): SecurityObject => ({
  admins: { names: [], roles: admins },
  members: { names: [], roles: members },
});

/** Sessions and suspensions are the gate's own. */
export const SESSIONS_SECURITY = rolesOnly([SERVER_ADMIN], [SERVER_ADMIN, SERVICE_ROLE]);
/** Who administers `_users` may make and read accounts there (couch_users_db.erl), its members may not. */
export const ACCOUNTS_SECURITY = rolesOnly([SERVER_ADMIN, SERVICE_ROLE], [SERVER_ADMIN]);

const list = z.array(z.string()).default([]);
const principals = z.object({ names: list, roles: list }).default({ names: [], roles: [] });
const storedSecuritySchema = z.object({ admins: principals, members: principals });

/** CouchDB leaves out what is empty in the object that it makes by itself. */
export const readSecurity = (stored: unknown): SecurityObject =>
  storedSecuritySchema.safeParse(stored).data ?? rolesOnly([], []);

export const isSameSecurity = (a: SecurityObject, b: SecurityObject): boolean => {
  const normalize = ({ admins, members }: SecurityObject): unknown =>
    [admins, members].map(({ names, roles }) => [[...names].sort(), [...roles].sort()]);
  return canonicalJson(normalize(a)) === canonicalJson(normalize(b));
};

/** Whom a database lets in beyond those that are wanted: `the role x`, `the name y`; `everybody` when it has no members. */
export function describeUnexpectedAccess(stored: SecurityObject, expected: SecurityObject): string[] {
  const { admins, members } = stored;
  const publicAccess = members.names.length + members.roles.length === 0 ? ['everybody'] : [];
  const known = [...expected.admins.roles, ...expected.members.roles, SERVER_ADMIN, SERVICE_ROLE];
  const roles = [...admins.roles, ...members.roles].filter((role) => !known.includes(role));
  const names = [...admins.names, ...members.names];
  return [
    ...publicAccess,
    ...new Set([...roles.map((role) => `the role ${role}`), ...names.map((name) => `the name ${name}`)]),
  ];
}
