import { randomBytes } from 'node:crypto';
import { rateLimitsWith } from '../../../server/testing/test-identity.ts';
import { readConfig } from '../../../server/config/config.ts';
import { createLog } from '../../../server/observability/log.ts';
import { startPouchgate, type Pouchgate } from '../../../server/app/start.ts';
import { openUpstream } from '../../../server/upstream/client.ts';
import { startTestUpstream, type TestUpstream } from '../../../server/testing/test-database.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';

/** Creates a log at its most verbose level, and captures its output. */
function captureLog(): {
  log: ReturnType<typeof createLog>;
  text: () => string;
  lines: () => Record<string, unknown>[];
} {
  const written: string[] = [];
  const log = createLog('trace', { write: (line: string) => written.push(line) });
  const text = (): string => written.join('');
  return { log, text, lines: () => written.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

const SECRET = randomBytes(32).toString('base64url');
const PASSWORD = 'correct-horse-battery-staple';

let upstream: TestUpstream;
beforeEach(async () => {
  upstream = await startTestUpstream();
});
afterEach(() => upstream.close());

const start = (log: ReturnType<typeof createLog>): Promise<Pouchgate> =>
  startPouchgate({
    config: readConfig({
      ...upstream.env(upstream.nextAccess()),
      PORT: '0',
      METRICS_PORT: 'off',
      DRAIN_SECONDS: '0',
      JWT_SECRET: SECRET,
    }),
    log,
    rateLimits: rateLimitsWith(),
  });

it('no token, cookie, password or body is in the log, for any request and any failure', async () => {
  const { log, text, lines } = captureLog();
  const pouchgate = await start(log);
  let { url } = pouchgate;
  const secrets: string[] = [SECRET, PASSWORD, pouchgate.upstream.password];
  const post = async (path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> => {
    const sent = { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin', ...headers };
    return fetch(`${url}${path}`, { method: 'POST', headers: sent, body: JSON.stringify(body) });
  };

  const alice = upstream.accountName('alice');
  const registered = await post('/api/auth/register', { username: alice, password: PASSWORD });
  expect(registered.status).toBe(201);
  const { accessToken } = (await registered.json()) as { accessToken: string };
  const [cookie = ''] = (registered.headers.get('set-cookie') ?? '').split(';');
  secrets.push(accessToken, cookie, cookie.split('=')[1] ?? cookie);
  await post('/api/auth/sign-in', { username: alice, password: `${PASSWORD}-wrong` });
  await post('/api/auth/sign-in', { username: alice, password: PASSWORD });
  const refreshed = await post('/api/auth/refresh', {}, { cookie });
  expect(refreshed.status).toBe(200);
  secrets.push(((await refreshed.json()) as { accessToken: string }).accessToken);
  await post('/api/auth/refresh', {}, { cookie: `${cookie}x` });
  await post('/api/auth/register', { username: alice, password: PASSWORD });
  await fetch(`${url}/api/auth/sign-in`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: `{"password":"${PASSWORD}`,
  });

  const authorization = { authorization: `Bearer ${accessToken}` };
  const database = `/sync/${upstream.names.registry}`;
  const tag = `tag-${randomBytes(8).toString('hex')}`;
  secrets.push(tag);
  const { _rev } = (await (await fetch(`${url}${database}/user_${alice}`, { headers: authorization })).json()) as {
    _rev: string;
  };
  const docs = [{ _id: `user_${alice}`, preferences: { selectedTags: [tag] } }, { _id: `user_${tag}` }, tag];
  await post(`${database}/_bulk_docs`, { docs }, authorization);
  await post(`${database}/_bulk_docs`, tag, authorization);
  await post(
    `${database}/_bulk_get?access_token=${tag}`,
    { docs: [{ id: `user_${alice}`, rev: _rev }] },
    authorization,
  );
  await fetch(`${url}${database}/_local/${tag}`, { headers: authorization });
  await fetch(`${url}${database}/user_${tag}?token=${tag}`, { headers: authorization });
  await fetch(`${url}${database}/_changes?since=${tag}`, { headers: { authorization: `Bearer ${accessToken}x` } });
  await fetch(`${url}/${tag}?${accessToken}`);
  await pouchgate.close();
  // Without its databases every kind of request fails.
  const withoutDatabases = await start(log);
  ({ url } = withoutDatabases);
  await upstream.dropDatabases();
  secrets.push(withoutDatabases.upstream.password);
  expect((await post('/api/auth/register', { username: upstream.accountName('bob'), password: PASSWORD })).status).toBe(
    502,
  );
  expect((await post(`${database}/_bulk_docs`, { docs }, authorization)).status).toBe(502);
  await withoutDatabases.close();

  for (const secret of secrets) expect(text()).not.toContain(secret);
  // The log was verbose: the check above proves something.
  const logged = lines().filter((line) => 'route' in line);
  expect(logged.length).toBeGreaterThan(14);
  expect(logged).toContainEqual(
    expect.objectContaining({ method: 'POST', route: 'auth sign-in', status: 200, username: alice }),
  );
  expect(logged).toContainEqual(
    expect.objectContaining({ method: 'POST', route: 'gate bulk-docs', status: 201, username: alice }),
  );
  expect(logged).toContainEqual(
    expect.objectContaining({ route: 'gate changes', status: 401, reason: 'unauthorized' }),
  );
});

it('an error of the database client, which contains the whole request, is logged with its message and status only', async () => {
  const { log, text, lines } = captureLog();
  const pouchgate = await start(log);
  const client = openUpstream(pouchgate.upstream);
  const failed = client.couch.use('no_such').insert({ _id: 'org.couchdb.user:x', password: PASSWORD } as object);
  await failed.then(
    () => undefined,
    (err: unknown) => log.error({ err, cause: { error: { password: PASSWORD } } }, 'It failed.'),
  );
  expect(lines()).toContainEqual(
    expect.objectContaining({
      err: expect.objectContaining({ message: 'Database does not exist.', status: 404 }) as unknown,
    }),
  );
  expect(text()).not.toContain(PASSWORD);
  await client.close();
  await pouchgate.close();
});

it('logs when the feeds connect and when the server stops', async () => {
  const { log, lines } = captureLog();
  const pouchgate = await start(log);
  await eventually(() => pouchgate.hub.connected && pouchgate.identity.accessMonitor.connected);
  await pouchgate.close();
  const logged = lines().map(({ msg, feed }) => [msg, feed]);
  expect(logged).toContainEqual(['The feed is up.', 'registry']);
  expect(logged).toContainEqual(['The feed is up.', 'sessions']);
  expect(logged.at(-2)).toEqual(['Draining.', undefined]);
  expect(logged.at(-1)).toEqual(['Drained.', undefined]);
});
