import { createRecordedLog, type RecordedLog } from '../testing/recorded-log.ts';
import {
  dropConnection,
  respondWith,
  startProxiedGate,
  type Fault,
  type ProxiedGate,
} from '../testing/faulty-database-proxy.ts';
import { eventually } from '../testing/fake-couchdb.ts';

/** When a request fails because of CouchDB, its log line says with which status and reason CouchDB failed. */

const PURPLE = 'purple';
const REASON = 'You are not allowed to access this db.';
const COUCH_ID = '3d1c7f0a9b';
const refuse = (isAffected: (url: string) => boolean): Fault =>
  respondWith(403, JSON.stringify({ error: 'forbidden', reason: REASON, doc: PURPLE }), {
    'content-type': 'application/json',
    'x-couch-request-id': COUCH_ID,
  })(({ url = '' }) => isAffected(url));
const REFUSED = { upstreamStatus: 403, upstreamReason: `forbidden: ${REASON}` };

let proxied: ProxiedGate;
let recorded: RecordedLog;
let users = 0;
/** A user whose access and document the gate has read. */
async function connectedUser(): Promise<string> {
  const username = proxied.upstream.accountName(`reason${(users += 1)}`);
  expect((await proxied.gate.request(username, '/_changes')).status).toBe(200);
  return username;
}

beforeAll(async () => {
  recorded = createRecordedLog();
  proxied = await startProxiedGate({ log: recorded.log, env: { REGISTRATION: 'open', METRICS_PORT: '0' } });
  const { hub, identity } = proxied.gate.pouchgate;
  await eventually(() => hub.connected && identity.accessMonitor.connected);
});
afterEach(() => {
  proxied.proxy.fault = undefined;
});
afterAll(() => proxied.close());

/** Sends a request and resolves with its status and its log line. */
async function failing(username: string, path: string, init: Parameters<typeof proxied.gate.request>[2] = {}) {
  const response = path.startsWith('/api')
    ? await fetch(`${proxied.gate.url}${path}`, {
        headers: { authorization: `Bearer ${proxied.gate.token(username)}` },
      })
    : await proxied.gate.request(username, path, init);
  const body = await response.text();
  const line = await recorded.waitForLine({ requestId: response.headers.get('x-request-id') });
  return { status: response.status, body, line };
}

test.each([
  ['a read of the document', 'GET', (own: string) => `/${own}`, undefined],
  ['_bulk_get', 'POST', () => '/_bulk_get', (own: string) => ({ docs: [{ id: own }] })],
  ['_revs_diff', 'POST', () => '/_revs_diff', (own: string) => ({ [own]: [`1-${'0'.repeat(32)}`] })],
  ['a checkpoint', 'GET', () => '/_local/x', undefined],
] as const)(
  '%s: the line has the status, the reason and the id of CouchDB, and the client gets none',
  async (_name, method, path, body) => {
    const username = await connectedUser();
    const own = `user_${username}`;
    proxied.proxy.fault = refuse((url) => !url.includes('_changes'));
    const failed = await failing(username, path(own), { method, ...(body === undefined ? {} : { body: body(own) }) });
    expect(failed.status).toBe(502);
    expect(failed.line).toMatchObject({ level: 40, status: 502, ...REFUSED, upstreamRequestId: COUCH_ID });
    expect(failed.body).not.toMatch(/not allowed|3d1c7f0a9b/);
  },
);

test('a read of many users’ leaves is logged once with its requests, and each request has the reason', async () => {
  const usernames = await Promise.all(Array.from({ length: 5 }, connectedUser));
  proxied.proxy.fault = refuse((url) => url.includes('filter=_doc_ids'));
  const since = recorded.lines.length;
  const failed = await Promise.all(usernames.map((username) => failing(username, '/_changes')));
  for (const { status, line } of failed) expect([status, line]).toEqual([502, expect.objectContaining(REFUSED)]);
  const batches = recorded.lines.slice(since).filter(({ kind }) => kind === 'leaves');
  expect(batches.filter(({ level }) => level === 40)).toEqual([expect.objectContaining(REFUSED)]);
  expect(batches.reduce((sum, { waiting }) => sum + Number(waiting), 0)).toBe(usernames.length);
});

test('the preferences service: the line has the reason', async () => {
  const username = await connectedUser();
  proxied.proxy.fault = refuse((url) => url.includes('open_revs'));
  const { status, line } = await failing(username, '/api/users/preferences');
  expect([status, line]).toEqual([502, expect.objectContaining(REFUSED)]);
});

test('sign-in: the line has the reason', async () => {
  proxied.proxy.fault = respondWith(
    500,
    '{"error":"timeout","reason":"The request could not be processed."}',
  )(({ url }) => url === '/_users/_bulk_get');
  const response = await fetch(`${proxied.gate.url}/api/auth/sign-in`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username: 'nobody', password: 'a password for tests' }),
  });
  const line = await recorded.waitForLine({ requestId: response.headers.get('x-request-id') });
  expect(line).toMatchObject({
    status: 502,
    upstreamStatus: 500,
    upstreamReason: 'timeout: The request could not be processed.',
  });
});

test('a response that quotes a document leaves nothing of it in the log', async () => {
  const username = await connectedUser();
  const term = `{badmatch,{doc,<<"user_x">>,{[{<<"theme">>,<<"${PURPLE}">>}]}}}`;
  const quoting = respondWith(500, JSON.stringify({ error: 'unknown_error', reason: term, doc: { theme: PURPLE } }));
  for (const path of [`/user_${username}`, '/_changes', '/api/users/preferences']) {
    proxied.proxy.fault = quoting(({ url = '' }) => /user_registry|doc_ids|open_revs|user_reason/.test(url));
    const { status, line } = await failing(username, path);
    expect([path, status, line]).toEqual([
      path,
      502,
      expect.objectContaining({ upstreamStatus: 500, upstreamReason: 'unknown_error' }),
    ]);
  }
  expect(recorded.text).not.toContain(PURPLE);
});

test('no response: the line has the cause, and the client does not get the address of the database', async () => {
  const username = await connectedUser();
  proxied.proxy.fault = dropConnection(({ url = '' }) => !url.includes('feed=continuous'));
  for (const path of [`/user_${username}`, '/api/users/preferences']) {
    const { status, body, line } = await failing(username, path);
    expect([path, status]).toEqual([path, 503]);
    expect(line['upstreamReason']).toMatch(/^(ECONNRESET|SocketError|UND_ERR_SOCKET)$/);
    expect(line).not.toHaveProperty('upstreamStatus');
    expect(body).toContain('The database does not answer.');
    expect(body).not.toMatch(/127\.0\.0\.1|ECONNRESET|socket/i);
  }
});

test('a page instead of JSON is named as such', async () => {
  const username = await connectedUser();
  const page = respondWith(502, `<html>${PURPLE}</html>`, { 'content-type': 'text/html' });
  proxied.proxy.fault = page(({ url = '' }) => !url.includes('feed=continuous'));
  for (const path of [`/user_${username}`, '/_changes', '/api/users/preferences']) {
    const { line } = await failing(username, path);
    expect([path, line]).toEqual([path, expect.objectContaining({ upstreamStatus: 502, upstreamReason: 'not JSON' })]);
  }
  expect(recorded.text).not.toContain(PURPLE);
});

test('the feed: the line has the reason', async () => {
  proxied.proxy.fault = refuse((url) => url.includes('feed=continuous') || !url.includes('?'));
  proxied.proxy.dropConnections();
  await recorded.waitForLine({ feed: 'registry', msg: 'The feed is down.' });
  await recorded.waitForLine({ feed: 'registry', reason: `status 403 (forbidden: ${REASON})` });
});

test('a client that disconnects is neither a failure of the database nor an error', async () => {
  const username = await connectedUser();
  let arrived = false;
  proxied.proxy.fault = ({ url = '' }) => {
    if (!url.includes(`/user_${username}`)) return false;
    arrived = true;
    return true;
  };
  const aborting = new AbortController();
  const requestId = `gone-${username}`;
  const request = fetch(`${proxied.gate.database}/user_${username}`, {
    headers: { authorization: `Bearer ${proxied.gate.token(username)}`, 'x-request-id': requestId },
    signal: aborting.signal,
  });
  await eventually(() => arrived);
  aborting.abort();
  await expect(request).rejects.toThrow();
  const line = await recorded.waitForLine({ requestId });
  expect(line).toMatchObject({ level: 20, gone: true });
  expect(line).not.toHaveProperty('status');
  const metrics = await (await fetch(proxied.gate.pouchgate.metricsUrl ?? '')).text();
  expect(metrics).toContain('pouchgate_requests_total{kind="gate document",status="none"} 1\n');
  expect(metrics).not.toMatch(/refused_requests_total\{reason="[a-z_]*",status="499"/);
});
