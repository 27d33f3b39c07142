import { HttpError, methodNotAllowed, notFound } from '../../http/errors.ts';
import { keyIdOf } from '../jwt-key-id.ts';

/**
 * The engine's configuration, as of a cluster of one node. It is kept in memory, like the key that it starts with.
 * https://docs.couchdb.org/en/stable/api/server/configuration.html
 */
export class EngineSettings {
  readonly #sections = new Map<string, Map<string, string>>();

  constructor(jwtSecret: Buffer) {
    this.#section('chttpd').set('authentication_handlers', AUTHENTICATION_HANDLERS);
    this.#section('jwt_auth').set('required_claims', 'exp');
    this.#section('jwt_keys').set(`hmac:${keyIdOf(jwtSecret)}`, jwtSecret.toString('base64'));
  }

  /** Returns the secret of a token key. */
  jwtSecret(keyId: string): Buffer | undefined {
    const text = this.#section('jwt_keys').get(`hmac:${keyId}`);
    return text === undefined ? undefined : Buffer.from(text, 'base64');
  }

  /** Handles `_node/<name>/_config/…` and returns the response body. A change returns the previous value, as in CouchDB. */
  handle(parts: readonly string[], method: string, value: unknown): unknown {
    const [, node, config, section, key, ...rest] = parts;
    if ((node !== ENGINE_NODE && node !== '_local') || config !== '_config' || rest.length > 0) throw notFound();
    if (section === undefined || key === undefined) {
      if (method !== 'GET') throw methodNotAllowed('GET');
      const all = [...this.#sections].map(([name, values]) => [name, Object.fromEntries(values)] as const);
      return section === undefined ? Object.fromEntries(all) : Object.fromEntries(this.#section(section));
    }
    const values = this.#section(section);
    const previous = values.get(key);
    if (method === 'PUT' && typeof value === 'string') {
      values.set(key, value);
      return previous ?? '';
    }
    if (previous === undefined) throw new HttpError(404, 'not_found', 'unknown_config_value');
    if (method === 'DELETE') values.delete(key);
    else if (method !== 'GET') throw methodNotAllowed('DELETE,GET,PUT');
    return previous;
  }

  #section(name: string): Map<string, string> {
    const section = this.#sections.get(name) ?? new Map<string, string>();
    this.#sections.set(name, section);
    return section;
  }
}

/** The name of the engine's one cluster node. */
export const ENGINE_NODE = 'engine@127.0.0.1';

const AUTHENTICATION_HANDLERS =
  '{chttpd_auth, jwt_authentication_handler}, {chttpd_auth, default_authentication_handler}';
