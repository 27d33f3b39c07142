import { createHash } from 'node:crypto';

/** What the names of the gate's keys in CouchDB begin with, so that they can be told from others'. */
export const KEY_ID_PREFIX = 'pouchgate-';

/**
 * The name of a secret's key, as `kid` in tokens (RFC 7515, 4.1.4) and as `hmac:<kid>` in CouchDB's [jwt_keys]. It is
 * made of the secret, so that another secret is another key: both hold while gates are restarted one by one, and nobody
 * has to keep a name together with its secret. Eight digits of a digest of 32 random bytes give nothing of them away.
 */
export const keyIdOf = (secret: Buffer): string =>
  KEY_ID_PREFIX + createHash('sha256').update(new Uint8Array(secret)).digest('hex').slice(0, 8);
