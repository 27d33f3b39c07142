/**
 * A mapping for `pouchgate import --map`: the documents of an application whose members have other names, with the password hashes of
 * Django. It returns the preferences, the time of their last change and the account, and nothing else.
 */
import { Buffer } from 'node:buffer';

export default function map({ login, settings = {}, changedAt, passwordHash }) {
  // A document that belongs to no user.
  if (login === undefined) return undefined;
  return {
    username: login,
    preferences: { theme: settings.darkMode ? 'dark' : 'light', selectedTags: settings.tags },
    updatedAt: changedAt,
    account: toAccount(passwordHash),
  };
}

/** `pbkdf2_sha256$<iterations>$<salt>$<key in base64>` becomes the members of an account of CouchDB. */
function toAccount(hash = '') {
  const [scheme, iterations, salt, key = ''] = hash.split('$');
  // The import reports a hash that CouchDB cannot check. The user needs a new password.
  if (scheme !== 'pbkdf2_sha256') return hash;
  return {
    password_scheme: 'pbkdf2',
    pbkdf2_prf: 'sha256',
    iterations: Number(iterations),
    salt,
    derived_key: Buffer.from(key, 'base64').toString('hex'),
  };
}
