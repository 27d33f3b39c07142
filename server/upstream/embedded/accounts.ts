import type { Json } from './pouchdb.ts';

/** Returns the id of an account's document. */
export const accountId = (name: string): string => `org.couchdb.user:${name}`;

/**
 * Returns the reason to reject a `_users` document, or undefined, by the rules of CouchDB's `_design/_auth`.
 * https://docs.couchdb.org/en/stable/intro/security.html#users-documents
 */
export function validateAccount(document: Json): string | undefined {
  const { _id: id, _deleted: deleted, type, name, roles } = document;
  if (deleted === true) return undefined;
  if (type !== 'user') return 'doc.type must be user';
  if (typeof name !== 'string' || name === '') return 'doc.name is required';
  if (id !== accountId(name)) return 'Doc ID must be of the form org.couchdb.user:name';
  if (name.startsWith('_') || name.includes(':')) return 'Username may not start with underscore or hold a colon.';
  if (!Array.isArray(roles) || !roles.every((role) => typeof role === 'string')) {
    return 'doc.roles must be an array of strings';
  }
  if (roles.some((role: string) => role.startsWith('_'))) {
    return 'No system roles (starting with underscore) in users db.';
  }
  return undefined;
}
