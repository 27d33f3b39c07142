import { newUserDocument, parseUsername, type Username } from '../../../couchdb-design/user-document/user-document.ts';
import { connect } from '../../upstream/client.ts';
import type { TestUpstream } from '../../testing/test-database.ts';
import { UsernameReservations } from './username-reservations.ts';
import { startConfiguredUpstream, startIdentityServer, type TestIdentityServer } from '../../testing/test-identity.ts';

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
