import { z } from 'zod';
import { canonicalJson } from '../../../couchdb-design/user-document/canonical-json.ts';
import type { SecurityObject } from './design-documents.ts';

/** The role of the gates' service account, which validate_doc_update exempts. */
export const SERVICE_ROLE = 'pouchgate_service';
export const SERVER_ADMIN = '_admin';

/**
 * Admits roles, never names: the gate's tokens carry any username, and a user of another identity provider may have the
 * service account's name.
 */
const rolesOnly = (admins: readonly string[], members: readonly string[]): SecurityObject => ({
  admins: { names: [], roles: admins },
  members: { names: [], roles: members },
});

/** Only the gate uses sessions and suspensions. */
export const SESSIONS_SECURITY = rolesOnly([SERVER_ADMIN], [SERVER_ADMIN, SERVICE_ROLE]);
/** The admins of `_users` may create and read accounts (couch_users_db.erl), its members may not. */
export const ACCOUNTS_SECURITY = rolesOnly([SERVER_ADMIN, SERVICE_ROLE], [SERVER_ADMIN]);

const list = z.array(z.string()).default([]);
const principals = z.object({ names: list, roles: list }).default({ names: [], roles: [] });
const storedSecuritySchema = z.object({ admins: principals, members: principals });

/** Parses a `_security` object. CouchDB omits empty members in its default one. */
export const readSecurity = (stored: unknown): SecurityObject =>
  storedSecuritySchema.safeParse(stored).data ?? rolesOnly([], []);

/** Compares regardless of order. */
export const isSameSecurity = (a: SecurityObject, b: SecurityObject): boolean => {
  const normalize = ({ admins, members }: SecurityObject): unknown =>
    [admins, members].map(({ names, roles }) => [[...names].sort(), [...roles].sort()]);
  return canonicalJson(normalize(a)) === canonicalJson(normalize(b));
};

/** Lists the principals that a database admits beyond the expected ones: `the role x`, `the name y`, `everybody`. */
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
