import type { ObservedResponse } from '../../../../server/cli/attack/http/observed-response.ts';
import { newTestNames, type TestNames } from '../../../../server/testing/test-database.ts';
import { isCouchError, findLeaks, readResponse } from './leak-detector.ts';
import { startRecordedServer, type RecordedServer, type AttackRequestInit } from './recorded-server.ts';
import { createShapeCheck } from './upstream-request-shapes.ts';
import { sendRaw, type RawRequestOptions } from '../../../../server/testing/raw-http.ts';

/** The server that a test file attacks, with the checks that must hold after each of its tests. */
export interface AttackFixture {
  readonly server: RecordedServer;
  /** Available before the server has started. */
  readonly names: TestNames;
  /** Sends a request as alice, and checks everything that must hold of any response. */
  readonly attack: (
    path: string,
    init?: AttackRequestInit & { readonly namesBob?: boolean },
  ) => Promise<ObservedResponse>;
  /** The same over a raw socket; `bytes` are whole requests. */
  readonly attackRaw: (bytes: string | Buffer, options?: RawRequestOptions) => Promise<readonly ObservedResponse[]>;
  /** Alice's `Authorization: Bearer …` header, for raw requests. */
  readonly authorization: string;
  /** The upstream requests of this test so far, other than reads of access records. */
  readonly upstreamCalls: () => readonly string[];
}

/**
 * Starts a server for a test file. After each test it checks that the database received only requests that the gate builds,
 * and only about `users`, that bob's document is unchanged, and that the server answers another client's request.
 */
export function setUpAttackFixture(users: readonly string[] = ['alice']): AttackFixture {
  const names = newTestNames();
  let server: RecordedServer;
  let before = 0;
  beforeAll(async () => {
    server = await startRecordedServer(names);
    // Creates each user's document.
    for (const username of users) await (await server.request(username, '/')).text();
  });
  afterAll(() => server.close());
  beforeEach(() => {
    before = server.upstreamRequests.length;
  });
  afterEach(async () => {
    const checks = users.map((username) => createShapeCheck(server, username, users));
    const unexpected = server.upstreamRequests
      .slice(before)
      .filter((recorded) => checks.every((check) => 'problem' in check(recorded)));
    expect(unexpected).toEqual([]);
    expect(await server.bob.read()).toMatchObject([{ ok: { _rev: server.bob.revisions.at(-1) } }]);
    expect((await fetch(`${server.pouchgate.url}/sync/`)).status).toBe(200);
  });

  const assertHarmless = (response: ObservedResponse, namesBob: boolean, isHead = false): ObservedResponse => {
    const received = `${response.head}\n${response.body}`.slice(0, 2_000);
    expect({ leaks: findLeaks(server, response, namesBob), received }).toEqual({ leaks: [], received });
    expect({ is5xx: response.status >= 500, received }).toEqual({ is5xx: false, received });
    // Node itself answers invalid HTTP with a bare 4xx and closes. Every other error has CouchDB's shape.
    const isFromNode = /^HTTP\/1\.1 4\d\d [^\n]*\r\nConnection: close$/.test(response.head);
    const isValid = response.status < 400 || isHead || isFromNode || isCouchError(response.body);
    expect({ isValid, received }).toEqual({ isValid: true, received });
    return response;
  };

  return {
    names,
    get server() {
      return server;
    },
    get authorization() {
      return `Authorization: Bearer ${server.token('alice')}`;
    },
    attack: async (path, { namesBob = path.includes('bob'), ...init } = {}) =>
      assertHarmless(await readResponse(await server.request('alice', path, init)), namesBob, init.method === 'HEAD'),
    attackRaw: async (bytes, options) => {
      const responses = await sendRaw(server.port, bytes, options);
      return responses.map((response) => assertHarmless(response, bytes.toString().includes('bob'), options?.isHead));
    },
    upstreamCalls: () =>
      server.upstreamRequests
        .slice(before)
        .filter(({ url }) => !url.startsWith(`/${names.sessions}/`))
        .map(({ method, url }) => `${method} ${url}`),
  };
}
