import { looksSecret } from '../../couchdb-design/user-document/secret-fields.ts';
import { isObject } from '../lib/json.ts';

/** Fields of CouchDB's password hashes whose names do not look like secrets. */
const PASSWORD_HASH_FIELDS: readonly string[] = ['iterations', 'pbkdf2_prf', 'hash'];

export interface RedactionResult {
  readonly value: unknown;
  /** The dotted paths of the fields that are left out. */
  readonly withheld: readonly string[];
}

/** Copies a value without the fields, at any depth, whose names look like secrets, also those of future CouchDB versions. */
export function redactSecrets(value: unknown, path = ''): RedactionResult {
  if (Array.isArray(value)) {
    const items = value.map((item: unknown, index) => redactSecrets(item, `${path}${index}.`));
    return { value: items.map((item) => item.value), withheld: items.flatMap(({ withheld }) => withheld) };
  }
  if (!isObject(value)) return { value, withheld: [] };
  const kept: [string, unknown][] = [];
  const withheld: string[] = [];
  for (const [key, inner] of Object.entries(value)) {
    if (looksSecret(key) || PASSWORD_HASH_FIELDS.includes(key)) {
      withheld.push(path + key);
      continue;
    }
    const nested = redactSecrets(inner, `${path}${key}.`);
    kept.push([key, nested.value]);
    withheld.push(...nested.withheld);
  }
  return { value: Object.fromEntries(kept), withheld };
}
