import { newTestNames, type TestNames } from '../../../../server/testing/test-database.ts';
import { isCouchError, findLeaks, readResponse, type ObservedResponse } from './leak-detector.ts';
import { startRecordedServer, type RecordedServer, type AttackRequestInit } from './recorded-server.ts';
import { createShapeCheck } from './upstream-request-shapes.ts';
import { sendRaw, type RawRequestOptions } from '../../../../server/testing/raw-http.ts';

/** What a test file attacks, and what must hold after each of its tests. */
export interface AttackFixture {
  readonly server: RecordedServer;
  /** Known before the server is there. */
  readonly names: TestNames;
  /** As alice, with everything that must hold of any answer held against it. */
  readonly attack: (
    path: string,
    init?: AttackRequestInit & { readonly namesBob?: boolean },
  ) => Promise<ObservedResponse>;
  /** The same over a raw socket, whole requests as bytes. */
  readonly attackRaw: (bytes: string | Buffer, options?: RawRequestOptions) => Promise<readonly ObservedResponse[]>;
  /** `Authorization: Bearer …` of alice's, for raw requests. */
  readonly authorization: string;
  /** What the database was asked in this test so far, other than about rights. */
  readonly upstreamCalls: () => readonly string[];
}

/**
 * Starts a server for a test file. After each test: the database has seen only what the gate builds, and only of `users`;
 * bob's document is as bob left it; and the next request of somebody else is answered.
 */
export function setUpAttackFixture(users: readonly string[] = ['alice']): AttackFixture {
  const names = newTestNames();
  let server: RecordedServer;
  let before = 0;
  beforeAll(async () => {
    server = await startRecordedServer(names);
    // Everybody of the play has a document.
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
      .filter((recorded) => checks.every((check) => 'wrong' in check(recorded)));
    expect(unexpected).toEqual([]);
    expect(await server.bob.read()).toMatchObject([{ ok: { _rev: server.bob.revisions.at(-1) } }]);
    expect((await fetch(`${server.pouchgate.url}/sync/`)).status).toBe(200);
  });

  const assertHarmless = (answer: ObservedResponse, namesBob: boolean, isHead = false): ObservedResponse => {
    const told = `${answer.head}\n${answer.body}`.slice(0, 2_000);
    expect({ leaks: findLeaks(server, answer, namesBob), told }).toEqual({ leaks: [], told });
    expect({ whole5xx: answer.status >= 500, told }).toEqual({ whole5xx: false, told });
    // Node itself answers what is no HTTP, with a bare 400 and an end; everything that is gets CouchDB's shape.
    const isNodes = /^HTTP\/1\.1 4\d\d [^\n]*\r\nConnection: close$/.test(answer.head);
    const isTold = answer.status < 400 || isHead || isNodes || isCouchError(answer.body);
    expect({ isTold, told }).toEqual({ isTold: true, told });
    return answer;
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
      const answers = await sendRaw(server.port, bytes, options);
      return answers.map((answer) => assertHarmless(answer, bytes.toString().includes('bob'), options?.isHead));
    },
    upstreamCalls: () =>
      server.upstreamRequests
        .slice(before)
        .filter(({ url }) => !url.startsWith(`/${names.sessions}/`))
        .map(({ method, url }) => `${method} ${url}`),
  };
}
