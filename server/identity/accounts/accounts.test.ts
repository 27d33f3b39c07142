import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { newUserDocument, parseUsername, type Username } from '../../../couchdb-design/user-document/user-document.ts';
import { connect, openUpstream, type UpstreamAccess } from '../../upstream/client.ts';
import type { TestUpstream } from '../../testing/test-database.ts';
import { createPasswordVerifier } from './verify-password.ts';
import { createUsernameReservations } from './username-reservations.ts';
import {
  listenOnFreePort,
  startConfiguredUpstream,
  startIdentityServer,
  type TestIdentityServer,
} from '../../testing/test-identity.ts';

const named = (name: string): Username => {
  const username = parseUsername(name);
  if (username === undefined) throw new Error(`${name} is a username`);
  return username;
};

describe('in the engine', () => {
  let engine: TestUpstream;
  let gate: TestIdentityServer;
  const account = (name: string): Username => named(engine.accountName(name));
  beforeAll(async () => {
    engine = await startConfiguredUpstream();
    gate = await startIdentityServer(engine);
  });
  afterAll(async () => {
    await gate.close();
    await engine.close();
  });

  test('of many who register one name at once one gets it', async () => {
    const { accounts } = gate.identity;
    const passwords = ['password one', 'password two', 'password three'];
    const tries = await Promise.allSettled(passwords.map((password) => accounts.register(account('many'), password)));
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const each of tries) if (each.status === 'rejected') expect(each.reason).toMatchObject({ status: 409 });
    const right = await Promise.all(passwords.map((password) => accounts.verifyPassword(account('many'), password)));
    expect(right).toEqual(tries.map(({ status }) => status === 'fulfilled'));
  });

  test('a name is claimed by one gate at a time, and by nobody any more once it has lapsed', async () => {
    const couch = connect(engine.access);
    const clock = { now: Date.now() };
    const claims = createUsernameReservations(couch, engine.names.sessions, () => clock.now);
    const name = account('claimed');
    const release = await claims.reserve(name);
    expect(release).toBeDefined();
    expect(await claims.reserve(name)).toBeUndefined();
    await expect(gate.identity.accounts.register(name, 'a password')).rejects.toMatchObject({ status: 409 });
    await release?.();
    expect(await claims.reserve(name)).toBeDefined();
    // The one that has it now does not let go of it.
    clock.now += 121_000;
    const next = await claims.reserve(name);
    expect(next).toBeDefined();
    await release?.();
    expect(await claims.reserve(name)).toBeUndefined();
    await claims.remove(name);
    await gate.identity.accounts.register(name, 'a password');
    expect(await claims.reserve(name)).toBeDefined();
    await claims.remove(name);
    await claims.remove(name);
  });

  test('the name of a removed account is not given to somebody else, who would get its document', async () => {
    const users = connect(engine.access).use('_users');
    await gate.identity.accounts.register(account('gone'), 'a password');
    const id = `org.couchdb.user:${account('gone')}`;
    const { _rev } = await users.get(id);
    await users.destroy(id, _rev);
    await expect(gate.identity.accounts.register(account('gone'), 'a password')).rejects.toMatchObject({ status: 409 });
  });

  test("the name of another identity provider's user is not given to somebody else, who would get its document", async () => {
    await engine.registry().insert(newUserDocument(account('external'), new Date()));
    await expect(gate.identity.accounts.register(account('external'), 'a password')).rejects.toMatchObject({
      status: 409,
    });
  });

  test('a password of a user reaches nothing in the database itself', async () => {
    await gate.identity.accounts.register(account('direct'), 'a password');
    const authorization = `Basic ${Buffer.from(`${account('direct')}:a password`).toString('base64')}`;
    for (const path of [
      `${engine.names.registry}/_all_docs`,
      `${engine.names.registry}/user_${account('direct')}`,
      `${engine.names.sessions}/_all_docs`,
      '_users/_all_docs',
    ]) {
      const answer = await fetch(`${engine.access.url}/${path}`, { headers: { authorization } });
      expect([401, 403]).toContain(answer.status);
    }
  });
});

describe('with an upstream that answers as it is told', () => {
  let server: Server;
  let access: UpstreamAccess;
  let answer: { status: number; body: string };
  let requests: { headers: IncomingHttpHeaders; body: string }[];
  beforeEach(async () => {
    requests = [];
    server = createServer((req, res) => {
      let body = '';
      req.on('data', (chunk: Buffer) => (body += chunk.toString()));
      req.on('end', () => {
        requests.push({ headers: req.headers, body });
        res.writeHead(answer.status, { location: '/elsewhere', 'set-cookie': 'AuthSession=x' });
        res.end(answer.body);
      });
    });
    access = { url: `http://127.0.0.1:${await listenOnFreePort(server)}`, username: 'gate', password: 'service' };
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const sessionResponse = (name: string, roles: unknown = []): string => JSON.stringify({ ok: true, name, roles });

  test('the question carries nothing of the service account', async () => {
    answer = { status: 200, body: sessionResponse('alice') };
    await expect(createPasswordVerifier(openUpstream(access))(named('alice'), 'pw')).resolves.toBe(true);
    expect(JSON.parse(requests[0]?.body ?? '')).toEqual({ name: 'alice', password: 'pw' });
    expect(requests[0]?.headers).not.toHaveProperty('authorization');
    expect(requests[0]?.headers).not.toHaveProperty('cookie');
  });

  test("the service account's password cannot be guessed here, and the question about it costs as any", async () => {
    answer = { status: 200, body: sessionResponse('gate') };
    await expect(createPasswordVerifier(openUpstream(access))(named('gate'), 'service')).resolves.toBe(false);
    expect(requests).toHaveLength(1);
    expect(requests[0]?.body).not.toContain('"gate"');
  });

  test.each<[string, number, string]>([
    ['an admin', 200, sessionResponse('alice', ['_admin'])],
    ['another name', 200, sessionResponse('bob')],
    ['a wrong password', 401, '{"error":"unauthorized"}'],
    ['a lock after too many failures', 403, '{"error":"forbidden"}'],
  ])('%s signs nobody in', async (_what, status, body) => {
    answer = { status, body };
    await expect(createPasswordVerifier(openUpstream(access))(named('alice'), 'pw')).resolves.toBe(false);
  });

  test.each<[string, number, string, number]>([
    ['nobody', 200, JSON.stringify({ ok: true, name: null, roles: [] }), 502],
    ['no JSON', 200, '<html>', 502],
    ['roles that are text', 200, sessionResponse('alice', 'x'), 502],
    ['a redirect', 302, sessionResponse('alice'), 502],
    ['a success of another kind', 201, sessionResponse('alice'), 502],
    ['a bad request', 400, '{}', 502],
    ['a missing database', 404, '{}', 502],
    ['a failure', 500, '{}', 503],
    ['a busy server', 429, '{}', 503],
  ])('an answer of %s is no word on the password', async (_what, status, body, told) => {
    answer = { status, body };
    await expect(createPasswordVerifier(openUpstream(access))(named('alice'), 'pw')).rejects.toMatchObject({
      status: told,
    });
  });

  test('no answer is 503', async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await expect(createPasswordVerifier(openUpstream(access))(named('alice'), 'pw')).rejects.toMatchObject({
      status: 503,
    });
  });
});
