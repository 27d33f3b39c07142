import type { Session, SessionList } from '../../../contract.ts';
import type { TestUpstream } from '../../../testing/test-database.ts';
import {
  startConfiguredUpstream,
  startIdentityServer,
  type TestIdentityServer,
} from '../../../testing/test-identity.ts';

export interface TestResponse {
  status: number;
  body: unknown;
  headers: Headers;
  /** The value of the refresh cookie; undefined when it was not set, empty when it was cleared. */
  cookie: string | undefined;
  setCookie: string | undefined;
}

type RequestHeaders = Record<string, string>;

export const PASSWORD = 'correct horse';

export const withCookie = (value: string | undefined, headers: RequestHeaders = {}): RequestHeaders => ({
  cookie: `other=1; pouchgate_refresh=${value ?? ''}`,
  ...headers,
});

export const bearer = (session: Session): RequestHeaders => ({ authorization: `Bearer ${session.accessToken}` });

/** Expects a successful sign-in, and returns its body. */
export const sessionOf = (response: TestResponse): Session => {
  expect([200, 201]).toContain(response.status);
  return response.body as Session;
};

/** Expects a list of sessions, and returns it. */
export const listOf = (response: TestResponse): SessionList['sessions'] => {
  expect(response.status).toBe(200);
  return (response.body as SessionList).sessions;
};

/** Starts a database and an identity server for the tests of a file. Returns functions that send requests to that server. */
export function setUpAuthServer() {
  let upstream: TestUpstream;
  let server: TestIdentityServer;
  let userCount = 0;
  const registered: string[] = [];
  const clock = { now: Date.now() };

  beforeAll(async () => {
    upstream = await startConfiguredUpstream();
    server = await startIdentityServer(upstream, {
      now: () => clock.now,
      onRegistered: (username) => {
        registered.push(username);
        return Promise.resolve();
      },
    });
  });
  beforeEach(() => {
    clock.now = Date.now();
  });
  afterAll(async () => {
    await server.close();
    await upstream.close();
  });

  const request = async (path: string, init: RequestInit = {}, to = server): Promise<TestResponse> => {
    const response = await fetch(`${to.url}${path}`, init);
    const text = await response.text();
    const setCookie = response.headers.getSetCookie().find((each) => each.startsWith('pouchgate_refresh='));
    return {
      status: response.status,
      body: text === '' ? undefined : (JSON.parse(text) as unknown),
      headers: response.headers,
      cookie: setCookie === undefined ? undefined : /^pouchgate_refresh=([^;]*)/.exec(setCookie)?.[1],
      setCookie,
    };
  };
  const post = (path: string, body?: unknown, headers: RequestHeaders = {}, to = server): Promise<TestResponse> => {
    const contentType = body === undefined ? {} : { 'content-type': 'application/json' };
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const init = {
      method: 'POST',
      headers: { ...contentType, ...headers },
      ...(body === undefined ? {} : { body: text }),
    };
    return request(path, init, to);
  };

  return {
    upstream: (): TestUpstream => upstream,
    server: (): TestIdentityServer => server,
    clock,
    /** The usernames that `onRegistered` was called with. */
    registered,
    request,
    post,
    newName: (): string => upstream.accountName(`user${(userCount += 1)}`),
    register: (username: string): Promise<TestResponse> => post('/register', { username, password: PASSWORD }),
    signIn: (username: string, headers?: RequestHeaders): Promise<TestResponse> =>
      post('/sign-in', { username, password: PASSWORD }, headers),
  };
}
