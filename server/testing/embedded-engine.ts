import { closeAfterTests } from '../../couchdb-design/testing/open-resources.ts';
import { authorizationOf } from '../upstream/client.ts';
import type { EmbeddedEngine, EmbeddedOptions } from '../upstream/embedded/engine.ts';
import { startMemoryEngine } from './memory-engine.ts';

export interface TestResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

export type SendRequest = (method: string, path: string, body?: unknown) => Promise<TestResponse>;

export interface TestEngine {
  readonly engine: EmbeddedEngine;
  readonly asAdmin: SendRequest;
  readonly asAnonymous: SendRequest;
  as(username: string, password: string): SendRequest;
  /** Creates an account with the password `pw`, and resolves with its sender. */
  createAccount(username: string, roles: readonly string[]): Promise<SendRequest>;
}

/** Starts an engine for one test file, with its own memory storage. */
export const startTestEngine = async (options: Partial<EmbeddedOptions> = {}): Promise<TestEngine> =>
  sendersOf(closeAfterTests(await startMemoryEngine(options)));

/** Adds functions that send requests as different users. */
export function sendersOf(engine: EmbeddedEngine): TestEngine {
  const { access } = engine;
  const as = (username: string, password: string): SendRequest =>
    createSender(access.url, { authorization: authorizationOf({ username, password }) });
  const asAdmin = as(access.username, access.password);
  return {
    engine,
    asAdmin,
    asAnonymous: createSender(access.url, {}),
    as,
    async createAccount(name, roles) {
      await asAdmin('PUT', `/_users/org.couchdb.user:${name}`, { type: 'user', name, roles, password: 'pw' });
      return as(name, 'pw');
    },
  };
}

function createSender(url: string, headers: Record<string, string>): SendRequest {
  return async (method, path, body) => {
    const response = await fetch(url + path, {
      method,
      headers: { accept: 'application/json', 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) };
  };
}

/** The security object of the registry: members by role. */
export const REGISTRY_USERS_SECURITY = {
  admins: { names: [], roles: ['_admin'] },
  members: { names: [], roles: ['registry_user'] },
};
