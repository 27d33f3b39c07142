import { scaleMs } from '../../../couchdb-design/testing/patience.ts';
import { once } from 'node:events';
import http from 'node:http';
import { parseUsername, userDocumentId, type Username } from '../../../couchdb-design/user-document/user-document.ts';
import { connect } from '../../upstream/client.ts';
import type { TestUpstream } from '../../testing/test-database.ts';
import type { Caller, Revocation } from '../../http/caller.ts';
import { AccessMonitor } from './access-monitor.ts';
import {
  listenOnFreePort,
  startConfiguredUpstream,
  startIdentityServer,
  startTcpProxy,
  type TcpProxy,
  type TestIdentityServer,
} from '../../testing/test-identity.ts';

let engine: TestUpstream;
let proxy: TcpProxy;
/** The gate under test, behind a proxy that can disconnect it. `other` is a second gate. */
let gate: TestIdentityServer;
let other: TestIdentityServer;
let offset = 0;
const now = (): number => Date.now() + offset;

beforeAll(async () => {
  engine = await startConfiguredUpstream();
  proxy = await startTcpProxy(engine.nextAccess());
  gate = await startIdentityServer(engine, { access: proxy.access, now });
  other = await startIdentityServer(engine, { now });
});
afterAll(async () => {
  await gate.close();
  await other.close();
  await proxy.close();
  await engine.close();
});
afterEach(() => {
  offset = 0;
});

let names = 0;
function newName(): Username {
  const username = parseUsername(`user${(names += 1)}`);
  if (username === undefined) throw new Error('not a username');
  return username;
}
const callerOf = (username: Username, sessionId: string | undefined): Caller => ({
  username,
  ownId: userDocumentId(username),
  sessionId,
  expiresAt: now() + 60_000,
});
const signedIn = async (): Promise<Caller> => {
  const username = newName();
  return callerOf(username, (await other.identity.sessions.start(username, 'test')).session.id);
};
const assertActive = (caller: Caller, of: TestIdentityServer = gate): Promise<void> =>
  of.identity.accessMonitor.assertActive(caller);
const unauthorizedError = { status: 401, error: 'unauthorized' };

/** Resolves when the gate under test emits `expected`, with the elapsed time in ms. */
function waitForEnded(expected: Revocation): Promise<number> {
  const startedAt = performance.now();
  return new Promise((resolve) => {
    const removeListener = gate.identity.accessMonitor.onEnded((revocation) => {
      if (JSON.stringify(revocation) !== JSON.stringify(expected)) return;
      removeListener();
      resolve(performance.now() - startedAt);
    });
  });
}
const sessionEnded = ({ sessionId = '' }: Caller): Revocation => ({ kind: 'session', sessionId });

test('an active session has access; an unknown one, an expired one and one of another user have none', async () => {
  const caller = await signedIn();
  await expect(assertActive(caller)).resolves.toBeUndefined();
  await expect(assertActive({ ...caller, expiresAt: now() })).rejects.toMatchObject(unauthorizedError);
  await expect(assertActive({ ...caller, username: newName() })).rejects.toMatchObject(unauthorizedError);
  await expect(assertActive({ ...caller, sessionId: 'nothing' })).rejects.toMatchObject(unauthorizedError);
  offset = 31 * 86_400_000;
  await expect(assertActive({ ...caller, expiresAt: now() + 1_000 })).rejects.toMatchObject(unauthorizedError);
});

test('a session that ends at one gate is revoked at another within a second, and stays revoked', async () => {
  const caller = await signedIn();
  await assertActive(caller);
  const end = waitForEnded(sessionEnded(caller));
  await other.identity.sessions.end(caller.username, caller.sessionId ?? '');
  expect(await end).toBeLessThan(scaleMs(1_000));
  await expect(assertActive(caller)).rejects.toMatchObject(unauthorizedError);
});

test('a suspension is emitted within a second, ends sessions, and applies to tokens of another identity provider', async () => {
  const caller = await signedIn();
  const external = callerOf(caller.username, undefined);
  await assertActive(caller);
  await assertActive(external);
  const ends = [waitForEnded({ kind: 'account', username: caller.username }), waitForEnded(sessionEnded(caller))];
  await other.identity.accounts.suspend(caller.username);
  for (const elapsedMs of await Promise.all(ends)) expect(elapsedMs).toBeLessThan(scaleMs(1_000));
  await expect(assertActive(external)).rejects.toMatchObject(unauthorizedError);
  await expect(assertActive(caller)).rejects.toMatchObject(unauthorizedError);
  await expect(assertActive(external, other)).rejects.toMatchObject(unauthorizedError);

  const restored = await other.identity.sessions.start(caller.username, 'test');
  await other.identity.accounts.restore(caller.username);
  await assertActive(callerOf(caller.username, restored.session.id), other);
  await expect(assertActive(caller, other)).rejects.toMatchObject(unauthorizedError);
});

test('a suspension document written by hand counts, whatever its content', async () => {
  const caller = await signedIn();
  await assertActive(caller);
  const end = waitForEnded({ kind: 'account', username: caller.username });
  await connect(engine.access)
    .use(engine.names.sessions)
    .insert({ _id: `suspended:${caller.username}` });
  await end;
  await expect(assertActive(caller)).rejects.toMatchObject(unauthorizedError);
});

test('a session ends when its document is deleted or invalid', async () => {
  const db = connect(engine.access).use<Record<string, unknown>>(engine.names.sessions);
  for (const change of [{ _deleted: true }, { type: 'session', username: ['x'] }]) {
    const caller = await signedIn();
    await assertActive(caller);
    const id = `session:${caller.sessionId ?? ''}`;
    const { _rev } = await db.get(id);
    const end = waitForEnded(sessionEnded(caller));
    await db.insert({ _id: id, _rev, ...change });
    await end;
    await expect(assertActive(caller)).rejects.toMatchObject(unauthorizedError);
  }
});

test('an end during a feed outage is emitted on reconnect, and an unreachable upstream is 503', async () => {
  const [caller, untouched] = [await signedIn(), await signedIn()];
  const external = callerOf(newName(), undefined);
  for (const each of [caller, untouched, external]) await assertActive(each);
  const revocations: Revocation[] = [];
  const removeListener = gate.identity.accessMonitor.onEnded((revocation) => revocations.push(revocation));

  proxy.disconnect();
  await expect(assertActive(await signedIn())).rejects.toMatchObject({ status: 503 });
  // A cached record stays fresh for 5 s, so that a short interruption goes unnoticed.
  await expect(assertActive(caller)).resolves.toBeUndefined();
  offset = 5_001;
  await expect(assertActive(caller)).rejects.toMatchObject({ status: 503 });
  expect(gate.identity.accessMonitor.connected).toBe(false);

  await other.identity.sessions.end(caller.username, caller.sessionId ?? '');
  await other.identity.accounts.suspend(external.username);
  const ends = [waitForEnded(sessionEnded(caller)), waitForEnded({ kind: 'account', username: external.username })];
  proxy.restore();
  await Promise.all(ends);
  await expect(assertActive(caller)).rejects.toMatchObject(unauthorizedError);
  await expect(assertActive(untouched)).resolves.toBeUndefined();
  expect(revocations).not.toContainEqual(sessionEnded(untouched));
  removeListener();
});

test('many concurrent callers are read in few requests, and again in none', async () => {
  const requests: string[] = [];
  const upstream = http.createServer((req, res) => {
    if (!(req.url ?? '').includes('_changes')) requests.push(req.url ?? '');
    const { hostname, port } = new URL(engine.access.url);
    const forwarded = http.request(
      { hostname, port, method: req.method, path: req.url, headers: req.headers },
      (response) => {
        res.writeHead(response.statusCode ?? 0, response.headers);
        res.flushHeaders();
        response.pipe(res);
      },
    );
    req.pipe(forwarded);
    res.on('close', () => forwarded.destroy());
    forwarded.on('error', () => res.destroy());
  });
  const watchedGate = await startIdentityServer(engine, {
    access: { ...engine.access, url: `http://127.0.0.1:${await listenOnFreePort(upstream)}` },
    now,
  });
  const callers = await Promise.all(Array.from({ length: 300 }, signedIn));
  requests.length = 0;
  await Promise.all(callers.map((caller) => assertActive(caller, watchedGate)));
  expect(requests.length).toBeGreaterThan(0);
  expect(requests.length).toBeLessThanOrEqual(4);
  requests.length = 0;
  await Promise.all(callers.map((caller) => assertActive(caller, watchedGate)));
  expect(requests).toEqual([]);
  await watchedGate.close();
  upstream.closeAllConnections();
  upstream.close();
  await once(upstream, 'close');
});

test('a malformed upstream response, or an upstream 401, neither grants nor denies access: 502 or 503', async () => {
  const caller = await signedIn();
  let response = { status: 200, body: '' };
  const upstream = http.createServer((_req, res) => {
    res.writeHead(response.status, { 'content-type': 'application/json' });
    res.end(response.body);
  });
  const access = { ...engine.access, url: `http://127.0.0.1:${await listenOnFreePort(upstream)}` };
  const accessMonitor = new AccessMonitor({ couch: connect(access), access, database: engine.names.sessions, now });
  const key = `suspended:${caller.username}`;
  const responses: [number, string][] = [
    [200, ''],
    [200, '<html>'],
    [200, '{}'],
    [200, '{"rows":[]}'],
    [
      200,
      JSON.stringify({
        rows: [
          { key, error: 'timeout' },
          { key: 'x', error: 'not_found' },
        ],
      }),
    ],
    [401, '{"error":"unauthorized","reason":"Name or password is incorrect."}'],
    [404, '{"error":"not_found","reason":"Database does not exist."}'],
    [302, '{}'],
    [500, '{}'],
    [503, '{}'],
  ];
  for (const [status, body] of responses) {
    response = { status, body };
    const refusal = await accessMonitor.assertActive(caller).catch((error: unknown) => error);
    expect([502, 503]).toContain((refusal as { status?: number }).status);
  }
  accessMonitor.close();
  upstream.closeAllConnections();
  upstream.close();
  await once(upstream, 'close');
});
