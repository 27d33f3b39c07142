import { createServer, type Server } from 'node:http';
import { parseUsername, type Username } from '../../../couchdb-design/user-document/user-document.ts';
import { closeAfterTests } from '../../../couchdb-design/testing/open-resources.ts';
import { startRecorder } from '../../testing/request-recorder.ts';
import type { TestUpstream } from '../../testing/test-database.ts';
import { listenOnFreePort, startConfiguredUpstream, startIdentityServer } from '../../testing/test-identity.ts';
import { connect, openUpstream } from '../../upstream/client.ts';
import { DEFAULT_PBKDF2_ITERATIONS } from '../../upstream/embedded/passwords.ts';
import { readManyLeaves } from '../../upstream/read-many-leaves.ts';
import { COUCHDB_WORK, EMBEDDED_WORK, workOf } from './hash-work.ts';
import { createPasswordVerifier, createTurns, type VerifyPassword } from './password-checks.ts';
import { readStoredHash } from './stored-hash.ts';

const named = (name: string): Username => {
  const username = parseUsername(name);
  if (username === undefined) throw new Error(`${name} is not a username`);
  return username;
};
const PASSWORD = 'correct horse';

const verifierAt = (url: string, username = 'gate', password = 'service'): VerifyPassword => {
  const upstream = closeAfterTests(openUpstream({ url, username, password }));
  return createPasswordVerifier({ couch: upstream.couch, serviceAccount: username, work: 1_000, turns: createTurns() });
};

describe('with a database', () => {
  let engine: TestUpstream;
  beforeAll(async () => {
    engine = await startConfiguredUpstream();
  });
  afterAll(() => engine.close());

  test('the database receives one request for any name, and never a password', async () => {
    const recorder = await startRecorder(engine.access.url);
    const gate = await startIdentityServer(engine);
    const known = named(engine.accountName('known'));
    await gate.identity.accounts.register(known, PASSWORD);
    const verify = verifierAt(recorder.url, engine.access.username, engine.access.password);
    const results: boolean[] = [];
    for (const [name, password] of [
      [known, PASSWORD],
      [known, 'wrong password'],
      [named(engine.accountName('absent')), PASSWORD],
      [engine.access.username as Username, engine.access.password],
    ] as const)
      results.push(await verify(name, password));
    expect(results).toEqual([true, false, false, false]);
    expect(recorder.requests.map(({ method, url }) => `${method} ${url}`)).toEqual(
      Array<string>(4).fill('POST /_users/_bulk_get'),
    );
    expect(JSON.stringify(recorder.requests.map(({ body }) => body))).not.toMatch(/password|horse/);
    await recorder.close();
    await gate.close();
  });

  test('twenty wrong passwords leave the right one right: nothing locks an account', async () => {
    const gate = await startIdentityServer(engine);
    const username = named(engine.accountName('guessed'));
    await gate.identity.accounts.register(username, PASSWORD);
    const verify = verifierAt(engine.access.url, engine.access.username, engine.access.password);
    for (let n = 0; n < 20; n += 1) expect(await verify(username, `wrong password ${n}`)).toBe(false);
    expect(await verify(username, PASSWORD)).toBe(true);
    await gate.close();
  });

  test('an account that the database creates costs what a check costs by default', async () => {
    if (engine.kind === 'embedded') {
      // The engine of tests has cheaper accounts than that of the product.
      expect(DEFAULT_PBKDF2_ITERATIONS).toBe(EMBEDDED_WORK);
      return;
    }
    const gate = await startIdentityServer(engine);
    const username = named(engine.accountName('typical'));
    await gate.identity.accounts.register(username, PASSWORD);
    const id = `org.couchdb.user:${username}`;
    const leaves = (await readManyLeaves(connect(engine.access), '_users', [{ id }])).get(id) ?? [];
    const hash = readStoredHash(username, leaves);
    expect(hash === undefined ? 0 : workOf(hash)).toBe(COUCHDB_WORK);
    await gate.close();
  });

  test('an account that CouchDB has, but no person: one without a password, and a removed one', async () => {
    const users = connect(engine.access).use<object>('_users');
    const verify = verifierAt(engine.access.url, engine.access.username, engine.access.password);
    const name = engine.accountName('empty');
    await users.insert({ _id: `org.couchdb.user:${name}`, name, type: 'user', roles: [] } as object);
    expect(await verify(named(name), '')).toBe(false);
    expect(await verify(named(name), PASSWORD)).toBe(false);
  });
});

describe('with a stubbed database', () => {
  let server: Server;
  let url: string;
  let response: { status: number; body: string };
  beforeEach(async () => {
    server = createServer((_req, res) => {
      res.writeHead(response.status, { location: '/elsewhere', 'content-type': 'application/json' });
      res.end(response.body);
    });
    url = `http://127.0.0.1:${await listenOnFreePort(server)}`;
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  test.each<[string, number, string]>([
    ['no results', 200, '{}'],
    ['the results of other accounts', 200, '{"results":[{"id":"a","docs":[]},{"id":"b","docs":[]}]}'],
    ['HTML', 200, '<html>'],
    ['a redirect', 302, '{}'],
    ['a refusal', 401, '{"error":"unauthorized"}'],
    ['a missing database', 404, '{"error":"not_found"}'],
    ['a failure', 500, '{}'],
    ['a busy server', 429, '{}'],
  ])('a response with %s does not decide about the password: 502 or 503', async (_what, status, body) => {
    response = { status, body };
    const error: unknown = await verifierAt(url)(named('alice'), PASSWORD).catch((each: unknown) => each);
    expect([502, 503]).toContain((error as { status: number }).status);
  });

  test('an unreachable database is 503', async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await expect(verifierAt(url)(named('alice'), PASSWORD)).rejects.toMatchObject({ status: 503 });
  });
});
