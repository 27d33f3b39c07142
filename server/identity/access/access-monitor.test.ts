import { once } from 'node:events';
import http from 'node:http';
import { parseUsername, userDocumentId, type Username } from '../../../couchdb-design/user-document/user-document.ts';
import { connect } from '../../upstream/client.ts';
import type { TestUpstream } from '../../testing/test-database.ts';
import type { Caller, Ended } from '../../http/caller.ts';
import { listen, startEngine, startGate, startLine, type Line, type TestGate } from '../../testing/test-identity.ts';

let engine: TestUpstream;
let line: Line;
/** The gate under test, behind a line that can be cut; `other` is a gate beside it. */
let gate: TestGate;
let other: TestGate;
let offset = 0;
const now = (): number => Date.now() + offset;

beforeAll(async () => {
  engine = await startEngine();
  line = await startLine(engine.nextAccess());
  gate = await startGate(engine, { access: line.access, now });
  other = await startGate(engine, { now });
});
afterAll(async () => {
  await gate.close();
  await other.close();
  await line.close();
  await engine.close();
});
afterEach(() => {
  offset = 0;
});

let names = 0;
function newName(): Username {
  const username = parseUsername(`user${(names += 1)}`);
  if (username === undefined) throw new Error('that is a username');
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
const check = (caller: Caller, of: TestGate = gate): Promise<void> => of.identity.rights.check(caller);
const over = { status: 401, error: 'unauthorized' };

/** Resolves with the time in ms from now to when the gate under test tells of `wanted`. */
function told(wanted: Ended): Promise<number> {
  const began = performance.now();
  return new Promise((resolve) => {
    const stop = gate.identity.rights.onEnded((ended) => {
      if (JSON.stringify(ended) !== JSON.stringify(wanted)) return;
      stop();
      resolve(performance.now() - began);
    });
  });
}
const sessionEnd = ({ sessionId = '' }: Caller): Ended => ({ kind: 'session', sessionId });

test('a live session is good, and one that is unknown, over, or of another user is not', async () => {
  const caller = await signedIn();
  await expect(check(caller)).resolves.toBeUndefined();
  await expect(check({ ...caller, expiresAt: now() })).rejects.toMatchObject(over);
  await expect(check({ ...caller, username: newName() })).rejects.toMatchObject(over);
  await expect(check({ ...caller, sessionId: 'nothing' })).rejects.toMatchObject(over);
  offset = 31 * 86_400_000;
  await expect(check({ ...caller, expiresAt: now() + 1_000 })).rejects.toMatchObject(over);
});

test('an end at one gate is told at another within a second, and holds there from then on', async () => {
  const caller = await signedIn();
  await check(caller);
  const end = told(sessionEnd(caller));
  await other.identity.sessions.end(caller.username, caller.sessionId ?? '');
  expect(await end).toBeLessThan(1_000);
  await expect(check(caller)).rejects.toMatchObject(over);
});

test('a suspension is told within a second, ends sessions, and holds for tokens of another identity provider', async () => {
  const caller = await signedIn();
  const external = callerOf(caller.username, undefined);
  await check(caller);
  await check(external);
  const ends = [told({ kind: 'account', username: caller.username }), told(sessionEnd(caller))];
  await other.identity.accounts.suspend(caller.username);
  for (const time of await Promise.all(ends)) expect(time).toBeLessThan(1_000);
  await expect(check(external)).rejects.toMatchObject(over);
  await expect(check(caller)).rejects.toMatchObject(over);
  await expect(check(external, other)).rejects.toMatchObject(over);

  const restored = await other.identity.sessions.start(caller.username, 'test');
  await other.identity.accounts.restore(caller.username);
  await check(callerOf(caller.username, restored.session.id), other);
  await expect(check(caller, other)).rejects.toMatchObject(over);
});

test('a suspension that an operator wrote by hand counts, whatever is in it', async () => {
  const caller = await signedIn();
  await check(caller);
  const end = told({ kind: 'account', username: caller.username });
  await connect(engine.access)
    .use(engine.names.sessions)
    .insert({ _id: `suspended:${caller.username}` });
  await end;
  await expect(check(caller)).rejects.toMatchObject(over);
});

test('a session whose document is removed, or spoilt, is over', async () => {
  const db = connect(engine.access).use<Record<string, unknown>>(engine.names.sessions);
  for (const spoil of [{ _deleted: true }, { type: 'session', username: ['x'] }]) {
    const caller = await signedIn();
    await check(caller);
    const id = `session:${caller.sessionId ?? ''}`;
    const { _rev } = await db.get(id);
    const end = told(sessionEnd(caller));
    await db.insert({ _id: id, _rev, ...spoil });
    await end;
    await expect(check(caller)).rejects.toMatchObject(over);
  }
});

test('what ended while no news arrived is told as soon as they do, and an upstream that is away is 503', async () => {
  const [caller, untouched] = [await signedIn(), await signedIn()];
  const external = callerOf(newName(), undefined);
  for (const each of [caller, untouched, external]) await check(each);
  const everything: Ended[] = [];
  const stop = gate.identity.rights.onEnded((ended) => everything.push(ended));

  line.cut();
  await expect(check(await signedIn())).rejects.toMatchObject({ status: 503 });
  // Believed for a moment, so that a short interruption goes unnoticed; not longer.
  await expect(check(caller)).resolves.toBeUndefined();
  offset = 5_001;
  await expect(check(caller)).rejects.toMatchObject({ status: 503 });
  expect(gate.identity.rights.up).toBe(false);

  await other.identity.sessions.end(caller.username, caller.sessionId ?? '');
  await other.identity.accounts.suspend(external.username);
  const ends = [told(sessionEnd(caller)), told({ kind: 'account', username: external.username })];
  line.mend();
  await Promise.all(ends);
  await expect(check(caller)).rejects.toMatchObject(over);
  await expect(check(untouched)).resolves.toBeUndefined();
  expect(everything).not.toContainEqual(sessionEnd(untouched));
  stop();
});

test('many callers at once are asked about in few requests, and again in none', async () => {
  const requests: string[] = [];
  const upstream = http.createServer((req, res) => {
    if (!(req.url ?? '').includes('_changes')) requests.push(req.url ?? '');
    const { hostname, port } = new URL(engine.access.url);
    const passed = http.request(
      { hostname, port, method: req.method, path: req.url, headers: req.headers },
      (answer) => {
        res.writeHead(answer.statusCode ?? 0, answer.headers);
        res.flushHeaders();
        answer.pipe(res);
      },
    );
    req.pipe(passed);
    res.on('close', () => passed.destroy());
    passed.on('error', () => res.destroy());
  });
  const watchedGate = await startGate(engine, {
    access: { ...engine.access, url: `http://127.0.0.1:${await listen(upstream)}` },
    now,
  });
  const callers = await Promise.all(Array.from({ length: 300 }, signedIn));
  requests.length = 0;
  await Promise.all(callers.map((caller) => check(caller, watchedGate)));
  expect(requests.length).toBeGreaterThan(0);
  expect(requests.length).toBeLessThanOrEqual(4);
  requests.length = 0;
  await Promise.all(callers.map((caller) => check(caller, watchedGate)));
  expect(requests).toEqual([]);
  await watchedGate.close();
  upstream.closeAllConnections();
  upstream.close();
  await once(upstream, 'close');
});

test('an upstream that answers nonsense, or forgets who we are, is neither a good right nor a bad one', async () => {
  const caller = await signedIn();
  let answer = { status: 200, body: '' };
  const upstream = http.createServer((_req, res) => {
    res.writeHead(answer.status, { 'content-type': 'application/json' });
    res.end(answer.body);
  });
  const access = { ...engine.access, url: `http://127.0.0.1:${await listen(upstream)}` };
  const { createRights } = await import('./access-monitor.ts');
  const rights = createRights({ couch: connect(access), access, database: engine.names.sessions, now });
  const key = `suspended:${caller.username}`;
  const answers: [number, string][] = [
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
  for (const [status, body] of answers) {
    answer = { status, body };
    const refusal = await rights.check(caller).catch((error: unknown) => error);
    expect([502, 503]).toContain((refusal as { status?: number }).status);
  }
  rights.close();
  upstream.closeAllConnections();
  upstream.close();
  await once(upstream, 'close');
});
