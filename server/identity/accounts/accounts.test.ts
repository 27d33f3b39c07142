import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { newUserDocument, parseUsername, type Username } from '../../../couchdb-design/user-document/user-document.ts';
import { connect, openUpstream, type UpstreamAccess } from '../../upstream/client.ts';
import type { TestUpstream } from '../../testing/test-database.ts';
import { createPasswordVerifier } from './verify-password.ts';
import { UsernameReservations } from './username-reservations.ts';
import {
  listenOnFreePort,
  startConfiguredUpstream,
  startIdentityServer,
  type TestIdentityServer,
} from '../../testing/test-identity.ts';

const named = (name: string): Username => {
  const username = parseUsername(name);
  if (username === undefined) throw new Error(`${name} is not a username`);
  return username;
};

describe('with a database', () => {
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

  test('of several concurrent registrations of one name, one succeeds', async () => {
    const { accounts } = gate.identity;
    const passwords = ['password one', 'password two', 'password three'];
    const attempts = await Promise.allSettled(
      passwords.map((password) => accounts.register(account('many'), password)),
    );
    expect(attempts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const each of attempts) if (each.status === 'rejected') expect(each.reason).toMatchObject({ status: 409 });
    const isAccepted = await Promise.all(
      passwords.map((password) => accounts.verifyPassword(account('many'), password)),
    );
    expect(isAccepted).toEqual(attempts.map(({ status }) => status === 'fulfilled'));
  });

  test('a name is reserved by one gate at a time, until the reservation is released or expires', async () => {
    const couch = connect(engine.access);
    const clock = { now: Date.now() };
    const reservations = new UsernameReservations(couch, engine.names.sessions, () => clock.now);
    const name = account('claimed');
    const release = await reservations.reserve(name);
    expect(release).toBeDefined();
    expect(await reservations.reserve(name)).toBeUndefined();
    await expect(gate.identity.accounts.register(name, 'a password')).rejects.toMatchObject({ status: 409 });
    await release?.();
    expect(await reservations.reserve(name)).toBeDefined();
    // The earlier release must not release the next reservation, made after this one expires.
    clock.now += 121_000;
    const next = await reservations.reserve(name);
    expect(next).toBeDefined();
    await release?.();
    expect(await reservations.reserve(name)).toBeUndefined();
    await reservations.remove(name);
    await gate.identity.accounts.register(name, 'a password');
    expect(await reservations.reserve(name)).toBeDefined();
    await reservations.remove(name);
    await reservations.remove(name);
  });

  test('the name of a removed account cannot be registered, because its document would be served to the new user', async () => {
    const users = connect(engine.access).use('_users');
    await gate.identity.accounts.register(account('removed'), 'a password');
    const id = `org.couchdb.user:${account('removed')}`;
    const { _rev } = await users.get(id);
    await users.destroy(id, _rev);
    await expect(gate.identity.accounts.register(account('removed'), 'a password')).rejects.toMatchObject({
      status: 409,
    });
  });

  test("the name of another identity provider's user cannot be registered, because their document would be served", async () => {
    await engine.registry().insert(newUserDocument(account('external'), new Date()));
    await expect(gate.identity.accounts.register(account('external'), 'a password')).rejects.toMatchObject({
      status: 409,
    });
  });

  test("a user's password gives no access to the database itself", async () => {
    await gate.identity.accounts.register(account('direct'), 'a password');
    const authorization = `Basic ${Buffer.from(`${account('direct')}:a password`).toString('base64')}`;
    for (const path of [
      `${engine.names.registry}/_all_docs`,
      `${engine.names.registry}/user_${account('direct')}`,
      `${engine.names.sessions}/_all_docs`,
      '_users/_all_docs',
    ]) {
      const { status } = await fetch(`${engine.access.url}/${path}`, { headers: { authorization } });
      expect([401, 403]).toContain(status);
    }
  });
});

describe('with a stubbed upstream', () => {
  let server: Server;
  let access: UpstreamAccess;
  let response: { status: number; body: string };
  let requests: { headers: IncomingHttpHeaders; body: string }[];
  beforeEach(async () => {
    requests = [];
    server = createServer((req, res) => {
      let body = '';
      req.on('data', (chunk: Buffer) => (body += chunk.toString()));
      req.on('end', () => {
        requests.push({ headers: req.headers, body });
        res.writeHead(response.status, { location: '/elsewhere', 'set-cookie': 'AuthSession=x' });
        res.end(response.body);
      });
    });
    access = { url: `http://127.0.0.1:${await listenOnFreePort(server)}`, username: 'gate', password: 'service' };
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const sessionResponse = (name: string, roles: unknown = []): string => JSON.stringify({ ok: true, name, roles });

  test('the request carries no credentials of the service account', async () => {
    response = { status: 200, body: sessionResponse('alice') };
    await expect(createPasswordVerifier(openUpstream(access))(named('alice'), 'pw')).resolves.toBe(true);
    expect(JSON.parse(requests[0]?.body ?? '')).toEqual({ name: 'alice', password: 'pw' });
    expect(requests[0]?.headers).not.toHaveProperty('authorization');
    expect(requests[0]?.headers).not.toHaveProperty('cookie');
  });

  test("the service account's password cannot be guessed: the check fails, and costs one request like any other", async () => {
    response = { status: 200, body: sessionResponse('gate') };
    await expect(createPasswordVerifier(openUpstream(access))(named('gate'), 'service')).resolves.toBe(false);
    expect(requests).toHaveLength(1);
    expect(requests[0]?.body).not.toContain('"gate"');
  });

  test.each<[string, number, string]>([
    ['a server admin', 200, sessionResponse('alice', ['_admin'])],
    ['another name', 200, sessionResponse('bob')],
    ['a wrong password', 401, '{"error":"unauthorized"}'],
    ['a lock after too many failures', 403, '{"error":"forbidden"}'],
  ])('rejects the password for %s', async (_what, status, body) => {
    response = { status, body };
    await expect(createPasswordVerifier(openUpstream(access))(named('alice'), 'pw')).resolves.toBe(false);
  });

  test.each<[string, number, string, number]>([
    ['no user', 200, JSON.stringify({ ok: true, name: null, roles: [] }), 502],
    ['HTML', 200, '<html>', 502],
    ['roles that are a string', 200, sessionResponse('alice', 'x'), 502],
    ['a redirect', 302, sessionResponse('alice'), 502],
    ['another success status', 201, sessionResponse('alice'), 502],
    ['a bad request', 400, '{}', 502],
    ['a missing database', 404, '{}', 502],
    ['a failure', 500, '{}', 503],
    ['a busy server', 429, '{}', 503],
  ])('a response with %s does not decide about the password: 502 or 503', async (_what, status, body, expected) => {
    response = { status, body };
    await expect(createPasswordVerifier(openUpstream(access))(named('alice'), 'pw')).rejects.toMatchObject({
      status: expected,
    });
  });

  test('an unreachable upstream is 503', async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await expect(createPasswordVerifier(openUpstream(access))(named('alice'), 'pw')).rejects.toMatchObject({
      status: 503,
    });
  });
});
