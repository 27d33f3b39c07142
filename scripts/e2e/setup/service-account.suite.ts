import { randomBytes } from 'node:crypto';
import pino, { type Logger } from 'pino';
import { closeAfterTests } from '../../../couchdb-design/testing/open-resources.ts';
import { parseUsername } from '../../../couchdb-design/user-document/user-document.ts';
import { readConfig } from '../../../server/config/config.ts';
import { createPeer, readPreference, waitForIdle, SHORT_BACKOFF } from '../../../server/testing/pouchdb-peer.ts';
import { rateLimitsWith } from '../../../server/testing/test-identity.ts';
import {
  deleteConfigValue,
  readClusterNodes,
  readConfigValue,
  writeConfigValue,
} from '../../../server/cli/setup/observe/node-config.ts';
import { jwtKeySetting } from '../../../server/cli/setup/plan/jwt-keys.ts';
import { keyIdOf } from '../../../server/upstream/jwt-key-id.ts';
import { updateAccount } from '../../../server/cli/setup/apply/account.ts';
import { startPouchgate, type Pouchgate } from '../../../server/app/start.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';
import { startRecorder } from '../../../server/testing/request-recorder.ts';
import type { SetupFixture } from './testing/fixture.ts';

const PASSWORD = 'correct-horse-battery-staple';

/** A gate with the environment that set-up printed. */
export function describeServiceAccount(fixture: () => SetupFixture): void {
  const users = new Map<string, string>();
  /** Returns a unique username, the same for the same key. */
  const usernameFor = (key: string): string => {
    const name = users.get(key) ?? fixture().newName();
    users.set(key, name);
    return name;
  };
  let env: Readonly<Record<string, string>>;
  let gate: Pouchgate;

  const start = (extraEnv: Record<string, string> = {}, log: Logger = pino({ level: 'silent' })): Promise<Pouchgate> =>
    startPouchgate({
      config: readConfig({
        PORT: '0',
        METRICS_PORT: 'off',
        DRAIN_SECONDS: '0',
        REGISTRATION: 'open',
        JWT_SECRET: randomBytes(32).toString('hex'),
        ...env,
        ...extraEnv,
      }),
      log,
      rateLimits: rateLimitsWith(),
    });

  beforeAll(async () => {
    env = (await fixture().run(['--new-password', '--new-secret'])).environment;
    gate = await start();
  });
  afterAll(() => gate.close());

  const post = (path: string, body: object, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`${gate.url}/api/auth/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin', ...headers },
      body: JSON.stringify(body),
    });
  const readAccessToken = async (response: Response): Promise<string> =>
    ((await response.json()) as { accessToken: string }).accessToken;
  const signIn = async (username: string): Promise<string> =>
    readAccessToken(await post('sign-in', { username, password: PASSWORD }));

  it('set-up prints the credentials of the service account in the environment', () => {
    expect(Object.keys(env)).toEqual(
      expect.arrayContaining(['COUCHDB_USER', 'COUCHDB_PASSWORD', 'COUCHDB_JWT_SECRET']),
    );
    expect(env['COUCHDB_USER']).toBe(fixture().names.service);
  });

  it('becomes ready', async () => {
    await eventually(async () => (await fetch(`${gate.url}/readyz`)).status === 200);
  });

  it("is not ready while CouchDB refuses users' requests, and logs CouchDB's status and reason once", async () => {
    const { couch } = fixture();
    const lines: string[] = [];
    const recorder = await startRecorder(fixture().access.url);
    const log = pino({ level: 'info' }, { write: (line) => void lines.push(line) });
    const observed = closeAfterTests(await start({ COUCHDB_URL: recorder.url }, log));
    const countProbes = (): number =>
      recorder.requests.filter(
        ({ url, headers }) => url === `/${fixture().names.registry}` && headers.authorization?.startsWith('Bearer'),
      ).length;
    const readiness = async (): Promise<unknown> => (await fetch(`${observed.url}/readyz`)).json();
    const isReady = async (): Promise<boolean> => (await fetch(`${observed.url}/readyz`)).status === 200;
    await eventually(isReady);
    const setting = jwtKeySetting(keyIdOf(Buffer.from(env['COUCHDB_JWT_SECRET'] ?? '', 'base64')));
    const nodes = (await readClusterNodes(couch)).map(({ name }) => name);
    const value = (await readConfigValue(couch, nodes[0] ?? '', setting)) ?? '';
    for (const node of nodes) await deleteConfigValue(couch, node, setting);
    await eventually(async () => !(await isReady()));
    expect(await readiness()).toMatchObject({
      error: 'not_ready',
      reason: "The database refuses users' requests. The log has its reason.",
      checks: { upstream: true, gate_access: true, user_access: false },
    });
    const probes = countProbes();
    await eventually(async () => !(await isReady()) && countProbes() >= probes + 2);
    for (const node of nodes) await writeConfigValue(couch, node, setting, value);
    await eventually(isReady);
    await observed.close();
    await recorder.close();
    const logged = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(logged.filter(({ account }) => account !== undefined)).toEqual([
      expect.objectContaining({
        level: 40,
        account: 'user',
        upstreamStatus: 400,
        upstreamReason: 'bad_request: Unknown kid',
      }),
      expect.objectContaining({ level: 30, account: 'user', msg: 'The database accepts requests again.' }),
    ]);
  });

  it("is not ready while CouchDB refuses the gate's own requests, and logs CouchDB's status and reason", async () => {
    const { run, newName, couch } = fixture();
    const account = { SERVICE_USER: newName() };
    const { environment } = await run([], account);
    const lines: string[] = [];
    const log = pino({ level: 'warn' }, { write: (line) => void lines.push(line) });
    const observed = closeAfterTests(
      await start({ ...environment, COUCHDB_JWT_SECRET: env['COUCHDB_JWT_SECRET'] ?? '' }, log),
    );
    const readiness = async (): Promise<unknown> => (await fetch(`${observed.url}/readyz`)).json();
    const isReady = async (): Promise<boolean> => (await fetch(`${observed.url}/readyz`)).status === 200;
    await eventually(isReady);
    await updateAccount(couch, account.SERVICE_USER, { password: 'another password' });
    await eventually(async () => !(await isReady()));
    expect(await readiness()).toMatchObject({
      error: 'not_ready',
      reason: "The database refuses the gate's own requests. The log has its reason.",
      checks: { upstream: true, gate_access: false, user_access: true },
    });
    await observed.close();
    const logged = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(logged.find(({ upstreamStatus }) => upstreamStatus !== undefined)).toMatchObject({
      account: 'gate',
      upstreamStatus: 401,
      upstreamReason: 'unauthorized: Name or password is incorrect.',
    });
  });

  it('registers, signs in, and rejects a name that is or was taken', async () => {
    const username = usernameFor('alice');
    expect((await post('register', { username, password: PASSWORD })).status).toBe(201);
    expect((await post('register', { username, password: PASSWORD })).status).toBe(409);
    expect((await post('sign-in', { username, password: 'wrong-wrong-wrong' })).status).toBe(401);
    expect((await post('sign-in', { username, password: PASSWORD })).status).toBe(200);
    expect((await post('register', { username: fixture().names.service, password: PASSWORD })).status).toBe(409);

    const removed = usernameFor('removed');
    expect((await post('register', { username: removed, password: PASSWORD })).status).toBe(201);
    const accounts = fixture().couch.use('_users');
    await accounts.destroy(`org.couchdb.user:${removed}`, (await accounts.get(`org.couchdb.user:${removed}`))._rev);
    expect((await post('register', { username: removed, password: PASSWORD })).status).toBe(409);
  });

  it('lists and ends sessions, and issues new tokens', async () => {
    const username = usernameFor('alice');
    const first = await post('sign-in', { username, password: PASSWORD });
    const [cookie = ''] = (first.headers.get('set-cookie') ?? '').split(';');
    const refreshed = await post('refresh', {}, { cookie });
    expect(refreshed.status).toBe(200);
    const authorization = `Bearer ${await readAccessToken(refreshed)}`;
    const list = async (): Promise<unknown[]> => {
      const response = await fetch(`${gate.url}/api/auth/sessions`, { headers: { authorization } });
      return ((await response.json()) as { sessions: unknown[] }).sessions;
    };
    expect((await list()).length).toBeGreaterThan(1);
    const headers = { authorization, 'sec-fetch-site': 'same-origin' };
    expect((await fetch(`${gate.url}/api/auth/sessions`, { method: 'DELETE', headers })).ok).toBe(true);
    expect(await list()).toHaveLength(1);
  });

  it('replicates live in both directions', async () => {
    const username = usernameFor('alice');
    const id = `user_${username}`;
    const token = await signIn(username);
    const database = `${gate.url}/sync/${fixture().names.registry}`;
    const [one, other] = [createPeer({ database, token: () => token }), createPeer({ database, token: () => token })];
    for (const peer of [one, other]) void peer.sync(SHORT_BACKOFF);
    await waitForIdle(one);
    await waitForIdle(other);
    const document = await one.local.get(id);
    await one.local.put({ ...document, preferences: { theme: 'dark' } });
    await eventually(async () => (await readPreference(other.local, id, 'theme')) === 'dark');
    expect([...one.events, ...other.events].filter(({ name }) => name === 'denied' || name === 'error')).toEqual([]);
    await one.close();
    await other.close();
  });

  it('suspends an account, and restores it', async () => {
    const username = parseUsername(usernameFor('alice'));
    if (username === undefined) throw new Error('not a username');
    const token = await signIn(username);
    const read = async (): Promise<number> => {
      const headers = { authorization: `Bearer ${token}` };
      return (await fetch(`${gate.url}/sync/${fixture().names.registry}/`, { headers })).status;
    };
    expect(await read()).toBe(200);
    await gate.identity.accounts.suspend(username);
    expect(await read()).toBe(401);
    await gate.identity.accounts.restore(username);
    expect(typeof (await signIn(username))).toBe('string');
  });

  it('has no rights that a gate does not need', async () => {
    const { access, names, couch } = fixture();
    const security: unknown = await couch.request({ db: names.registry, path: '_security' });
    const { COUCHDB_USER = '', COUCHDB_PASSWORD = '' } = env;
    const authorization = `Basic ${Buffer.from(`${COUCHDB_USER}:${COUCHDB_PASSWORD}`).toString('base64')}`;
    for (const [method, path, body] of [
      ['PUT', `/${fixture().newName()}`, undefined],
      ['DELETE', `/${names.registry}`, undefined],
      ['GET', '/_all_dbs', undefined],
      ['GET', '/_node/_local/_config', undefined],
      ['GET', '/_users/_all_docs', undefined],
      ['PUT', `/${names.registry}/_security`, {}],
      ['PUT', `/${names.registry}/_design/mine`, { views: {} }],
      ['PUT', `/${names.sessions}/_design/mine`, { views: {} }],
    ] as const) {
      const init = { method, headers: { authorization, 'content-type': 'application/json' } };
      const response = await fetch(
        access.url + path,
        body === undefined ? init : { ...init, body: JSON.stringify(body) },
      );
      await response.arrayBuffer();
      // CouchDB answers 500 if its shards reject new access rules; the rules must stay unchanged.
      expect([method, path, [401, 403, 500].includes(response.status)]).toEqual([method, path, true]);
    }
    expect(await couch.request({ db: names.registry, path: '_security' })).toEqual(security);
    const admin = { _id: 'org.couchdb.user:raised', name: 'raised', type: 'user', roles: ['_admin'], password: 'pw' };
    const response = await fetch(`${access.url}/_users/${admin._id}`, {
      method: 'PUT',
      headers: { authorization, 'content-type': 'application/json' },
      body: JSON.stringify(admin),
    });
    expect([response.status, await response.json()]).toEqual([403, expect.objectContaining({ error: 'forbidden' })]);
  });

  it('does not start if something is missing, and reports what to run', async () => {
    const registry = fixture().newName();
    // The embedded engine does not reveal to others whether a database exists.
    await expect(start({ REGISTRY_DB: registry })).rejects.toThrow(
      new RegExp(`database ${registry} .*[.] Run "npm run setup" with the credentials of a server admin[.]$`),
    );
    const other = randomBytes(32).toString('base64');
    await expect(start({ COUCHDB_JWT_SECRET: other })).rejects.toThrow(
      /does not accept tokens of COUCHDB_JWT_SECRET.*setup/,
    );
    const username = fixture().newName();
    await fixture()
      .couch.use<Record<string, unknown>>('_users')
      .insert({ _id: `org.couchdb.user:${username}`, name: username, type: 'user', roles: [], password: 'pw' });
    await expect(start({ COUCHDB_USER: username, COUCHDB_PASSWORD: 'pw' })).rejects.toThrow(
      `${username} is neither a server admin nor a service account.`,
    );
  });

  it('starts as a server admin as well, and leaves what set-up created', async () => {
    const { access, run } = fixture();
    const admin = await start({ COUCHDB_USER: access.username, COUCHDB_PASSWORD: access.password });
    await admin.close();
    expect((await run()).outputLines).toContain('Nothing had to be changed.');
  });
}
