import { looksSecret } from '../../../couchdb-design/user-document/secret-fields.ts';
import { isObject } from '../../lib/json.ts';

/** What CouchDB makes of a password, beside the fields whose names say it themselves. */
const PASSWORD_HASH_FIELDS: readonly string[] = ['iterations', 'pbkdf2_prf', 'hash'];

export interface RedactionResult {
  readonly value: unknown;
  /** The paths of what was left out, with dots between. */
  readonly withheld: readonly string[];
}

/** A copy without any field, however deep, that looks like a secret: what CouchDB may call its next one too. */
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
