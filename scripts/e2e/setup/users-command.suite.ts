import { randomBytes } from 'node:crypto';
import pino from 'pino';
import { readConfig } from '../../../server/config/config.ts';
import { rateLimitsWith } from '../../../server/testing/test-identity.ts';
import type { SetupFixture } from './testing/fixture.ts';
import { startPouchgate, type Pouchgate } from '../../../server/app/start.ts';
import { statusOf } from '../../../server/upstream/client.ts';
import { waitForConsistency } from '../../../server/testing/test-database.ts';
import type { UserList } from '../../../server/cli/users/list-users.ts';
import { OLD_PASSWORD, olderDocument } from '../import/testing/older-application.ts';
import { runImport, toNdjson } from '../import/testing/run-import-command.ts';
import { PASSWORD, runUsersCommand, type UsersCommandResult } from '../../../server/testing/run-users-command.ts';

/** The users command with the gates' environment, which is not a server admin's. */
export function describeUsersCommand(fixture: () => SetupFixture): void {
  let env: Readonly<Record<string, string>>;
  let gate: Pouchgate;
  beforeAll(async () => {
    const { environment } = await fixture().run(['--new-password', '--new-secret']);
    env = { ...environment, JWT_SECRET: randomBytes(32).toString('hex') };
    gate = await startPouchgate({
      config: readConfig({ PORT: '0', METRICS_PORT: 'off', DRAIN_SECONDS: '0', ...env }),
      log: pino({ level: 'silent' }),
      rateLimits: rateLimitsWith(),
    });
  });
  afterAll(() => gate.close());

  const run = (
    argv: readonly string[],
    extraEnv: Record<string, string> = {},
    input = PASSWORD,
  ): Promise<UsersCommandResult> => runUsersCommand({ ...env, ...extraEnv }, argv, { input });
  const adminEnv = (): Record<string, string> => {
    const { username, password } = fixture().access;
    return { COUCHDB_ADMIN_USER: username, COUCHDB_ADMIN_PASSWORD: password };
  };
  const signIn = async (username: string, password: string): Promise<number> => {
    const body = JSON.stringify({ username, password });
    const headers = { 'content-type': 'application/json' };
    return (await fetch(`${gate.url}/api/auth/sign-in`, { method: 'POST', headers, body })).status;
  };
  const exitCodeOf = async (result: Promise<UsersCommandResult>): Promise<number> => (await result).code;

  it('adds many, imports with a hash, and repairs', async () => {
    const { newName, couch, names } = fixture();
    const [added, imported, exposed] = [newName(), newName(), newName()];
    const { code, stdout } = await run(['add', '--from', '-'], {}, `${added},${PASSWORD}\n${exposed},${PASSWORD}`);
    expect([code, stdout]).toEqual([0, '2 accounts are added, 0 were there already, 0 are refused.']);
    const source = toNdjson([olderDocument(imported, 3), olderDocument(exposed, 4)]);
    expect((await runImport(env, ['-'], source)).code).toBe(0);
    expect(await signIn(added, PASSWORD)).toBe(200);
    expect(await signIn(imported, OLD_PASSWORD)).toBe(200);
    const registry = couch.use<Record<string, unknown>>(names.registry);
    const stored = await registry.get(`user_${exposed}`);
    await registry.insert({ ...stored, preferences: { theme: 'dark', apiToken: 'sesame' } });
    // Only a server admin may start a compaction.
    const repaired = await run(['repair', exposed]);
    expect([repaired.code, repaired.stderr]).toEqual([0, expect.stringContaining('set COUCHDB_ADMIN_USER')]);
    expect(await registry.get(`user_${exposed}`)).toMatchObject({ preferences: { theme: 'dark' } });
    const before = await registry.get(`user_${exposed}`);
    expect((await run(['repair', '--all'], adminEnv())).code).toBe(0);
    expect(await registry.get(`user_${exposed}`)).toEqual(before);
  });

  it('adds, shows, sets, suspends, restores, resets and signs out', async () => {
    const name = fixture().newName();
    expect(await exitCodeOf(run(['add', name, '--password-stdin']))).toBe(0);
    expect(await signIn(name, PASSWORD)).toBe(200);
    expect(await exitCodeOf(run(['set', name, 'theme', 'dark']))).toBe(0);
    expect((await run(['show', name])).stdout).toContain('command line');
    expect(await exitCodeOf(run(['end-sessions', name]))).toBe(0);
    expect(await exitCodeOf(run(['suspend', name]))).toBe(0);
    expect(await signIn(name, PASSWORD)).toBe(403);
    expect(await exitCodeOf(run(['restore', name]))).toBe(0);
    expect(await exitCodeOf(run(['reset-password', name, '--password-stdin'], {}, 'another password'))).toBe(0);
    // Each node of a cluster caches accounts for a moment.
    await waitForConsistency(async () => (await signIn(name, PASSWORD)) === 401);
    await waitForConsistency(async () => (await signIn(name, 'another password')) === 200);
    const { stdout, stderr } = await run(['list', '--json']);
    const listed = JSON.parse(stdout) as {
      users: { username: string; account: boolean | null }[];
      accountsListed: boolean;
    };
    const account = listed.accountsListed ? true : null;
    expect(listed.users.find(({ username }) => username === name)).toMatchObject({ account, state: 'active' });
    expect(stderr.includes('does not list accounts')).toBe(!listed.accountsListed);
    expect((await run(['show', env['COUCHDB_USER'] ?? ''])).code).toBe(0);
    for (const argv of [
      ['erase', '--yes'],
      ['reset-password', '--password-stdin'],
      ['add', '--password-stdin'],
    ]) {
      const { code, stderr: reason } = await run([...argv, env['COUCHDB_USER'] ?? '']);
      expect([code, reason]).toEqual([1, expect.stringContaining('the account of the gates')]);
    }
  });

  it('erases all but what only a server admin may, reports that, and completes it with their credentials', async () => {
    const name = fixture().newName();
    expect(await exitCodeOf(run(['add', name, '--password-stdin']))).toBe(0);
    const account = () => fixture().couch.use('_users').get(`org.couchdb.user:${name}`);
    const { code, stderr } = await run(['erase', name, '--yes']);
    expect(code).toBe(0);
    expect(stderr).toMatch(/lets only a server admin delete .* COUCHDB_ADMIN_USER/);
    expect(stderr).toMatch(/until CouchDB compacts them, .* COUCHDB_ADMIN_USER/);
    expect(Object.keys(await account()).sort()).toEqual(['_id', '_rev', 'name', 'roles', 'type']);
    expect([await signIn(name, PASSWORD), await signIn(name, '')]).toEqual([401, 400]);
    const list = JSON.parse((await run(['list', '--json'], adminEnv())).stdout) as UserList;
    expect(list.users.find(({ username }) => username === name)).toMatchObject({ state: 'erased', account: false });
    const again = await run(['erase', name, '--yes', '--json']);
    expect(JSON.parse(again.stdout)).toMatchObject({ account: 'emptied', sessions: 0, revisions: 0 });

    const wrong = await run(['erase', name, '--yes'], { ...adminEnv(), COUCHDB_ADMIN_PASSWORD: 'wrong' });
    expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('rejects COUCHDB_ADMIN_USER')]);
    const whole = await run(['erase', name, '--yes', '--json'], adminEnv());
    expect(JSON.parse(whole.stdout)).toMatchObject({ account: 'removed', left: [] });
    expect(await account().then(() => 200, statusOf)).toBe(404);
    expect((await run(['add', name, '--password-stdin'])).stderr).toContain('was erased');
  });
}
