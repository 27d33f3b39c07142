import { HttpError, methodNotAllowed, notFound } from '../../http/errors.ts';
import { keyIdOf } from '../jwt-key-id.ts';

/**
 * What an engine can be asked and told about itself, as a cluster of one node: in memory, as the key is that it begins with.
 * https://docs.couchdb.org/en/stable/api/server/configuration.html
 */
export class EngineSettings {
  readonly #sections = new Map<string, Map<string, string>>();

  constructor(jwtSecret: Buffer) {
    this.#section('chttpd').set('authentication_handlers', AUTHENTICATION_HANDLERS);
    this.#section('jwt_auth').set('required_claims', 'exp');
    this.#section('jwt_keys').set(`hmac:${keyIdOf(jwtSecret)}`, jwtSecret.toString('base64'));
  }

  /** The secret of a key for tokens. */
  jwtSecret(keyId: string): Buffer | undefined {
    const text = this.#section('jwt_keys').get(`hmac:${keyId}`);
    return text === undefined ? undefined : Buffer.from(text, 'base64');
  }

  /** Answers `_node/<name>/_config/…`, the path in its parts; a value is answered as CouchDB does, with the one before. */
  handle(parts: readonly string[], method: string, value: unknown): unknown {
    const [, node, config, section, key, ...rest] = parts;
    if ((node !== ENGINE_NODE && node !== '_local') || config !== '_config' || rest.length > 0) throw notFound();
    if (section === undefined || key === undefined) {
      if (method !== 'GET') throw methodNotAllowed('GET');
      const all = [...this.#sections].map(([name, values]) => [name, Object.fromEntries(values)] as const);
      return section === undefined ? Object.fromEntries(all) : Object.fromEntries(this.#section(section));
    }
    const values = this.#section(section);
    const before = values.get(key);
    if (method === 'PUT' && typeof value === 'string') {
      values.set(key, value);
      return before ?? '';
    }
    if (before === undefined) throw new HttpError(404, 'not_found', 'unknown_config_value');
    if (method === 'DELETE') values.delete(key);
    else if (method !== 'GET') throw methodNotAllowed('DELETE,GET,PUT');
    return before;
  }

  #section(name: string): Map<string, string> {
    const section = this.#sections.get(name) ?? new Map<string, string>();
    this.#sections.set(name, section);
    return section;
  }
}

export const ENGINE_NODE = 'engine@127.0.0.1';

const AUTHENTICATION_HANDLERS =
  '{chttpd_auth, jwt_authentication_handler}, {chttpd_auth, default_authentication_handler}';
