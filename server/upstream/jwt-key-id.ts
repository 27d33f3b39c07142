import { createHash } from 'node:crypto';

/** Prefix of the gate's key ids in CouchDB, which distinguishes them from other keys. */
export const KEY_ID_PREFIX = 'pouchgate-';

/**
 * Returns the key id of a secret: `kid` in tokens (RFC 7515, 4.1.4) and `hmac:<kid>` in CouchDB's [jwt_keys]. It is derived
 * from the secret, so a new secret is a new key: both are valid during a rolling restart, and no configuration pairs
 * them. Eight hex digits of a digest of 32 random bytes reveal nothing about the secret.
 */
export const keyIdOf = (secret: Buffer): string =>
  KEY_ID_PREFIX + createHash('sha256').update(new Uint8Array(secret)).digest('hex').slice(0, 8);
