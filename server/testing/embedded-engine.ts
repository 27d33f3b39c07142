import { authorizationOf } from '../upstream/client.ts';
import { startEmbeddedEngine, type EmbeddedEngine, type EmbeddedOptions } from '../upstream/embedded/engine.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

export type Ask = (method: string, path: string, body?: unknown) => Promise<Answer>;

export interface TestEngine {
  readonly engine: EmbeddedEngine;
  readonly asAdmin: Ask;
  readonly asNobody: Ask;
  as(username: string, password: string): Ask;
  /** Makes an account whose password is `pw`, and asks as it. */
  account(username: string, roles: readonly string[]): Promise<Ask>;
}

let made = 0;

/** An engine for one test file, in memory that nobody else has. */
export async function startTestEngine(options: Partial<EmbeddedOptions> = {}): Promise<TestEngine> {
  made += 1;
  const storage = { kind: 'memory', name: `test-${made}` } as const;
  const engine = await startEmbeddedEngine({ storage, ...options });
  const { access } = engine;
  const as = (username: string, password: string): Ask =>
    asker(access.url, { authorization: authorizationOf({ username, password }) });
  const asAdmin = as(access.username, access.password);
  return {
    engine,
    asAdmin,
    asNobody: asker(access.url, {}),
    as,
    async account(name, roles) {
      await asAdmin('PUT', `/_users/org.couchdb.user:${name}`, { type: 'user', name, roles, password: 'pw' });
      return as(name, 'pw');
    },
  };
}

function asker(url: string, headers: Record<string, string>): Ask {
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

export const OPEN_TO_MEMBERS = {
  admins: { names: [], roles: ['_admin'] },
  members: { names: [], roles: ['registry_user'] },
};
