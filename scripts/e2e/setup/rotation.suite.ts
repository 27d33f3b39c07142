import { randomBytes } from 'node:crypto';
import { doctorCommand } from '../../../server/cli/doctor/command.ts';
import type { Finding } from '../../../server/cli/doctor/finding.ts';
import { authorizationOf, openUpstream } from '../../../server/upstream/client.ts';
import { getTokenRejection } from '../../../server/upstream/schema/verify-schema.ts';
import { waitForState } from '../testing/device.ts';
import { startDeployment, type Deployment } from './testing/deployment.ts';
import type { SetupFixture } from './testing/fixture.ts';
import { signUp, type LiveUser } from './testing/live-user.ts';

type Environment = Readonly<Record<string, string>>;

const newSecret = (): string => randomBytes(48).toString('base64');

/**
 * Replaces each secret as described in docs/operations.md, on two gates, while a user's devices are live. The environment
 * always has COUCHDB_JWT_SECRET, as in compose.yml and in a systemd unit.
 */
export function describeRotation(fixture: () => SetupFixture): void {
  let env: Environment;
  let deployment: Deployment;
  let user: LiveUser;

  const signUpUser = (): Promise<LiveUser> => signUp(deployment, fixture().names.registry, fixture().newName());

  beforeEach(async () => {
    const account = { SERVICE_USER: fixture().newName(), COUCHDB_JWT_SECRET: newSecret() };
    const { environment } = await fixture().run([], account);
    env = { ...environment, ...account, JWT_SECRET: newSecret() };
    deployment = await startDeployment(env);
    user = await signUpUser();
  });
  afterEach(async () => {
    await user.close();
    await deployment.close();
  });

  /** Restarts the gates with other variables. */
  const roll = async (changes: Environment): Promise<void> => {
    env = { ...env, ...changes };
    await deployment.roll(env);
  };

  /** Both devices are live, and never needed their user. The doctor reports no problem of the gates' environment. */
  const expectUnaffected = async (text: string): Promise<void> => {
    await user.expectDelivery(text);
    await waitForState(user.store, 'live', 0);
    expect(user.states).not.toContain('sign-in-needed');
    expect(user.states).not.toContain('refused');
    const { access } = fixture();
    const lines: string[] = [];
    const admin = { COUCHDB_ADMIN_USER: access.username, COUCHDB_ADMIN_PASSWORD: access.password };
    const output = { print: (line: string) => lines.push(line), printError: (line: string) => lines.push(line) };
    await doctorCommand({ argv: ['--json'], env: { ...env, ...admin }, ...output });
    const { findings } = JSON.parse(lines.join('\n')) as { findings: Finding[] };
    expect(findings.filter(({ state, check }) => state === 'wrong' && check !== 'open files')).toEqual([]);
  };

  it("replaces the gates' key in CouchDB", async () => {
    const { run, access } = fixture();
    const { COUCHDB_JWT_SECRET: old = '' } = env;
    const service = { SERVICE_USER: env['SERVICE_USER'] ?? '' };
    const created = await run(['--new-secret'], { ...service, COUCHDB_JWT_SECRET: old });
    expect(created).toMatchObject({ code: 0, errorLines: [] });
    const { COUCHDB_JWT_SECRET: next = '' } = created.environment;
    expect(Buffer.from(next, 'base64')).toHaveLength(48);
    await roll({ COUCHDB_JWT_SECRET: next });
    await user.expectDelivery('with both keys in CouchDB');
    const removed = await run(['--remove-old-keys'], { ...service, COUCHDB_JWT_SECRET: next });
    expect(removed).toMatchObject({ code: 0, errorLines: [] });
    const upstream = openUpstream(access);
    const rejections = [old, next].map((secret) => getTokenRejection(upstream, Buffer.from(secret, 'base64')));
    expect(await Promise.all(rejections)).toEqual([expect.stringContaining('Unknown kid'), undefined]);
    await upstream.close();
    await expectUnaffected('with the new key');
  });

  it("replaces the secret of users' tokens in three rounds, which signs out only users who have not connected", async () => {
    const absent = await signUpUser();
    const [old = '', next] = [env['JWT_SECRET'], newSecret()];
    await roll({ JWT_SECRET: old, JWT_SECRETS_ACCEPTED: next });
    await user.expectDelivery('after the first round');
    await roll({ JWT_SECRET: next, JWT_SECRETS_ACCEPTED: old });
    await user.refresh();
    await user.expectDelivery('after the second round');
    await roll({ JWT_SECRET: next, JWT_SECRETS_ACCEPTED: '' });
    await expectUnaffected('after the third round');
    await user.refresh();
    await waitForState(absent.store, 'sign-in-needed');
    await absent.close();
  });

  it('replaces the service account without downtime, and removes the old one', async () => {
    const { run, access } = fixture();
    const { COUCHDB_JWT_SECRET = '', COUCHDB_USER: old = '', COUCHDB_PASSWORD: oldPassword = '' } = env;
    const account = { SERVICE_USER: fixture().newName(), COUCHDB_JWT_SECRET };
    const { environment } = await run([], account);
    await roll({ ...account, ...environment });
    const removed = await run([`--remove-account=${old}`], account);
    expect(removed.outputLines).toContain(`done    remove the service account ${old}`);
    expect((await run([`--remove-account=${old}`], account)).outputLines).toContain('Nothing had to be changed.');
    const authorization = authorizationOf({ username: old, password: oldPassword });
    expect((await fetch(`${access.url}/_session`, { headers: { authorization } })).status).toBe(401);
    await expectUnaffected('with the new account');
  });

  it('removes neither the account of SERVICE_USER nor one that is not a service account', async () => {
    const { run, newName, couch } = fixture();
    const { COUCHDB_JWT_SECRET = '', COUCHDB_USER: SERVICE_USER = '' } = env;
    const current = await run([`--remove-account=${SERVICE_USER}`], { SERVICE_USER, COUCHDB_JWT_SECRET });
    expect([current.code, current.errorLines[0]]).toEqual([
      1,
      `${SERVICE_USER} is the account in SERVICE_USER. Set SERVICE_USER to the account that the gates use now.`,
    ]);
    const person = newName();
    const account = { _id: `org.couchdb.user:${person}`, name: person, type: 'user', roles: [], password: 'pw' };
    await couch.use<object>('_users').insert(account);
    const foreign = await run([`--remove-account=${person}`], { SERVICE_USER, COUCHDB_JWT_SECRET });
    expect([foreign.code, foreign.errorLines[0]]).toEqual([
      1,
      `The account ${person} is not a service account of Pouchgate, and is not removed.`,
    ]);
  });
}
