import { createServer } from 'node:http';
import { closeAfterTests } from '../../../couchdb-design/testing/open-resources.ts';
import { stampTime } from '../../../couchdb-design/user-document/edit-stamp.ts';
import { createPouchgate } from '../../../server/index.ts';
import { listen } from '../../../server/http/listen.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';
import { startFaultyProxy, startProxiedGate } from '../../../server/testing/faulty-database-proxy.ts';
import { createRecordedLog } from '../../../server/testing/recorded-log.ts';
import { runUsersCommand } from '../../../server/testing/run-users-command.ts';
import { startTestUpstream } from '../../../server/testing/test-database.ts';
import { startTestGate } from '../../../server/testing/test-gate.ts';
import {
  authorization,
  dateOf,
  DAY_MS,
  expectBetween,
  ORIGIN,
  patch,
  readStored,
  startShiftedUpstream,
  THREE_DAYS_AHEAD,
} from './testing/wrong-clocks.ts';

/** Databases whose clocks are ahead: edits and responses are dated by them, and later edits still win. */

test("the responses of a gate have the date of the database's clock, and pages of other origins can read it", async () => {
  const { upstream, proxy } = await startShiftedUpstream();
  const gate = await startTestGate({ CORS_ORIGINS: ORIGIN }, { upstream, access: proxy.access });
  const username = upstream.accountName('reader');
  const headers = { ...authorization(gate, username), origin: ORIGIN };
  const startedAt = Date.now();
  const changes = `${gate.database}/_changes`;
  const responses = [
    await patch(gate, username, { theme: 'dark' }),
    await fetch(`${gate.url}/api/users/preferences`, { headers }),
    await fetch(`${gate.url}/api/users/preferences`, { headers: { origin: ORIGIN } }),
    await fetch(changes, { headers }),
    await fetch(`${changes}?feed=longpoll&since=now&timeout=1000`, { headers }),
    await fetch(`${changes}?feed=eventsource&since=now&timeout=1000`, { headers }),
    await fetch(`${gate.url}/api/auth/refresh`, { method: 'POST', headers: { origin: ORIGIN } }),
  ];
  for (const response of responses) {
    expectBetween(dateOf(response), startedAt + THREE_DAYS_AHEAD, Date.now() + THREE_DAYS_AHEAD);
    await response.text();
  }
  for (const response of responses.slice(0, -1)) {
    expect(response.headers.get('access-control-expose-headers')?.toLowerCase().split(',')).toContain('date');
  }
  await gate.close();
  await proxy.close();
  await upstream.close();
});

test('edits still win after the clock of the database was three days ahead for a while', async () => {
  const proxied = await startProxiedGate();
  const { gate, proxy } = proxied;
  const username = gate.upstream.accountName('ahead');
  await patch(gate, username, { theme: 'light' });
  proxy.clockOffsetMs = THREE_DAYS_AHEAD;
  // Until most of the last responses show it.
  await eventually(async () => {
    await patch(gate, username, { theme: 'dark' });
    await patch(gate, username, { theme: 'light' });
    return stampTime((await readStored(gate, username)).edits['theme'] ?? '') > Date.now() + 2 * DAY_MS;
  });
  proxy.clockOffsetMs = 0;
  const { edits: before } = await readStored(gate, username);
  for (const theme of ['dark', 'light', 'dark']) {
    await patch(gate, username, { theme });
    expect((await readStored(gate, username)).preferences['theme']).toBe(theme);
  }
  const { edits } = await readStored(gate, username);
  expect(String(edits['theme']) > String(before['theme'])).toBe(true);
  await proxied.close();
});

test('the users command dates edits by the clock of the database', async () => {
  const upstream = await startTestUpstream();
  const proxy = await startFaultyProxy(upstream);
  const gate = await startTestGate({}, { upstream, access: upstream.nextAccess() });
  const username = upstream.accountName('operated');
  await patch(gate, username, { theme: 'light' });
  // The machine of the operator seems to be three days behind.
  proxy.clockOffsetMs = THREE_DAYS_AHEAD;
  const env = { ...upstream.env(proxy.access), JWT_SECRET: 'a secret for tests, and for nothing else at all' };
  const startedAt = Date.now();
  expect(await runUsersCommand(env, ['set', username, 'theme', 'dark'])).toMatchObject({ code: 0, stderr: '' });
  const { edits } = await readStored(gate, username);
  expectBetween(stampTime(edits['theme'] ?? ''), startedAt + THREE_DAYS_AHEAD, Date.now() + THREE_DAYS_AHEAD);
  await gate.close();
  await proxy.close();
  await upstream.close();
});

test('a gate that an application mounts dates edits by the clock of the database, and logs the difference', async () => {
  const { upstream, proxy } = await startShiftedUpstream();
  const recorded = createRecordedLog();
  const { registry, sessions } = upstream.names;
  const pouchgate = await createPouchgate({
    couchdb: proxy.access,
    authenticate: () => undefined,
    registry,
    sessions,
    log: recorded.log,
  });
  const startedAt = Date.now();
  const { edits } = await pouchgate.edit(upstream.accountName('ida'), { theme: 'dark' });
  expectBetween(Date.parse(edits['theme']?.at ?? ''), startedAt + THREE_DAYS_AHEAD, Date.now() + THREE_DAYS_AHEAD);
  expect(recorded.lines.filter(({ offsetSeconds }) => offsetSeconds !== undefined)).toHaveLength(1);
  const server = closeAfterTests(createServer((req, res) => pouchgate.listener(req, res)));
  const url = await listen(server, { host: '127.0.0.1', port: 0, variables: { host: 'HOST', port: 'PORT' } });
  for (const path of ['/api/users/preferences', `/sync/${registry}/_changes`]) {
    const response = await fetch(url + path);
    expect(response.status).toBe(401);
    expectBetween(dateOf(response), startedAt + THREE_DAYS_AHEAD, Date.now() + THREE_DAYS_AHEAD);
  }
  server.closeAllConnections();
  server.close();
  await pouchgate.close();
  await proxy.close();
  await upstream.close();
});
