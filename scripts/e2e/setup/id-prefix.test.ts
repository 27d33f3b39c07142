import { startSseClient } from '../../../server/testing/sse-client.ts';
import { startTestGate, type TestGate } from '../../../server/testing/test-gate.ts';
import { startTestUpstream, type TestUpstream } from '../../../server/testing/test-database.ts';
import { runUsersCommand, usersCommandEnv } from '../../../server/testing/run-users-command.ts';
import { createDeviceFactory, waitForState, waitForPreferences } from '../testing/device.ts';
import { createInMemoryBrowser } from '../testing/test-server.ts';

/** A registry with a custom id prefix, which contains a character with a meaning in regular expressions. */

const ID_PREFIX = 'app.prefs_';
const env = { ID_PREFIX };
let upstream: TestUpstream;
let gate: TestGate;
const devices = createDeviceFactory(() => ({ registryUrl: gate.database, token: (name) => gate.token(name) }));

beforeAll(async () => {
  upstream = await startTestUpstream();
  gate = await startTestGate(env, { upstream });
});
afterEach(devices.close);
afterAll(async () => {
  await gate.close();
  await upstream.close();
});

const requestUsersApi = (username: string, path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`${gate.url}/api/users/${path}`, {
    ...init,
    headers: { authorization: `Bearer ${gate.token(username)}`, 'content-type': 'application/merge-patch+json' },
  });

test('devices, REST, streams and the command line share the one document with that prefix', async () => {
  const username = devices.newUser();
  const open = () => devices.open(username, createInMemoryBrowser(), { idPrefix: ID_PREFIX }).store;
  const [phone, laptop] = [open(), open()];
  await Promise.all([waitForState(phone, 'live', 0), waitForState(laptop, 'live', 0)]);
  await phone.set({ theme: 'dark' });
  await waitForPreferences(laptop, { theme: 'dark' });
  const stream = startSseClient({ url: gate.url, headers: { authorization: `Bearer ${gate.token(username)}` } });
  await stream.waitForEvent(({ data }) => JSON.stringify(data).includes('"theme":"dark"'));
  const body = JSON.stringify({ viewMode: 'graph' });
  expect((await requestUsersApi(username, 'preferences', { method: 'PATCH', body })).status).toBe(200);
  await Promise.all([phone, laptop].map((store) => waitForPreferences(store, { theme: 'dark', viewMode: 'graph' })));
  await stream.waitForEvent(({ data }) => JSON.stringify(data).includes('"viewMode":"graph"'));
  stream.close();

  const operator = { ...usersCommandEnv(upstream), ...env };
  const set = await runUsersCommand(operator, ['set', username, 'timezone', 'Europe/Vienna']);
  expect([set.code, set.stderr]).toEqual([0, '']);
  await waitForPreferences(phone, { timezone: 'Europe/Vienna' });
  expect((await runUsersCommand(operator, ['show', username])).stdout).toMatch(/^viewMode +"graph" /m);
  const list = JSON.parse((await runUsersCommand(operator, ['list', '--json'])).stdout) as { users: unknown[] };
  expect(list.users).toContainEqual(expect.objectContaining({ username, document: true }));

  const { rows } = await gate.registry().list({ include_docs: true });
  const own = rows.filter(({ doc }) => (doc as { username?: string } | undefined)?.username === username);
  expect(own.map(({ id }) => id)).toEqual([`${ID_PREFIX}${username}`]);
  await devices.close();
  expect((await runUsersCommand(operator, ['erase', username, '--yes'])).code).toBe(0);
  await expect(gate.registry().get(`${ID_PREFIX}${username}`)).rejects.toMatchObject({ statusCode: 404 });
});

test('rejects ids of another user’s document, and ids without the prefix', async () => {
  const [alice, bob] = [devices.newUser(), devices.newUser()];
  const body = JSON.stringify({ selectedTags: ['bobs secret'] });
  expect((await requestUsersApi(bob, 'preferences', { method: 'PATCH', body })).status).toBe(200);
  const own = `${ID_PREFIX}${alice}`;
  expect((await gate.request(alice, `/${own}`)).status).toBe(200);
  const ids = [`${ID_PREFIX}${bob}`, `user_${alice}`, `user_${bob}`, `appxprefs_${alice}`, ID_PREFIX, alice, bob];
  for (const id of ids) {
    const got = await gate.request(alice, `/${id}`);
    expect([id, got.status >= 400, await got.text()]).toEqual([id, true, expect.not.stringContaining('bobs secret')]);
    const put = await gate.request(alice, `/${id}`, { method: 'PUT', body: { _id: id, username: alice } });
    expect([id, put.status >= 400]).toEqual([id, true]);
    const bulkGet = await gate.request(alice, '/_bulk_get', { method: 'POST', body: { docs: [{ id }] } });
    expect(await bulkGet.text()).not.toContain('bobs secret');
    const written = await gate.request(alice, '/_bulk_docs', {
      method: 'POST',
      body: { docs: [{ _id: id, _rev: `1-${'a'.repeat(32)}`, username: bob }], new_edits: false },
    });
    expect(await written.text()).toContain('forbidden');
  }
  const changes = await gate.request(alice, '/_changes', { method: 'POST', body: { doc_ids: ids } });
  const { results } = (await changes.json()) as { results: { id: string }[] };
  expect(results.map(({ id }) => id)).toEqual([own]);
  const { rows } = await gate.registry().list();
  expect(rows.map(({ id }) => id).filter((id) => !id.startsWith(ID_PREFIX))).toEqual(['_design/registry']);
});

test('a gate with another prefix does not start, and reports the reason', async () => {
  await expect(startTestGate({}, { upstream })).rejects.toThrow(
    `The documents of ${upstream.names.registry} have ids that begin with ${ID_PREFIX}, and ID_PREFIX is user_`,
  );
});
