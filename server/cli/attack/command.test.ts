import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { closeAfterTests } from '../../../couchdb-design/testing/open-resources.ts';
import { scaleMs } from '../../../couchdb-design/testing/patience.ts';
import { eventually } from '../../testing/fake-couchdb.ts';
import { startTestGate, type TestGate } from '../../testing/test-gate.ts';
import { ATTACK_GROUPS } from './entry.ts';
import { findingsOf, runAttackCommand } from './testing/run-attack-command.ts';

let gate: TestGate;
beforeAll(async () => {
  gate = await startTestGate({ REGISTRATION: 'open' });
});
afterAll(() => gate.close());

let users = 0;
const newUser = (): string => gate.upstream.accountName(`attack${(users += 1)}`);
const tokensOf = (a: string, b: string, claims: object = {}): Record<string, string> => ({
  ATTACK_TOKEN_A: gate.token(a, claims),
  ATTACK_TOKEN_B: gate.token(b),
});
const documentOf = async (user: string): Promise<{ preferences: unknown; edits: object }> =>
  (await (await gate.request(user, `/user_${user}`)).json()) as { preferences: unknown; edits: object };
const FAST = ['--rate', '2000', '--json'];

/** Starts a server that answers every request alike. */
async function startServer(status: number, headers: Record<string, string>): Promise<string> {
  const server = createServer((_req, res) => res.writeHead(status, headers).end('{}'));
  closeAfterTests({
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/sync/user_registry`;
}

test('the product has no findings, in the whole list and in random requests', async () => {
  const [a, b] = [newUser(), newUser()];
  const argv = [gate.database, ...FAST, '--requests', '400', '--seed', '7'];
  const { code, report, stderr } = await runAttackCommand(argv, { env: tokensOf(a, b) });
  expect({ findings: findingsOf(report), stderr, code }).toEqual({ findings: [], stderr: '', code: 0 });
  expect(new Set(report?.results.map(({ group }) => group))).toEqual(new Set([...ATTACK_GROUPS, 'fuzz']));
  expect(report).toMatchObject({ seed: 7, users: { A: `user_${a}`, B: `user_${b}` } });
  const fuzz = report?.results.at(-1);
  expect(fuzz?.request).toBe('400 random requests, with the seed 7');
  // If all requests were refused early, the run would prove nothing.
  expect(fuzz?.observation).toMatch(/\b200 ×\d{2}/);
});

test('both users have their earlier preferences afterwards', async () => {
  const [a, b] = [newUser(), newUser()];
  const before: unknown[] = [];
  for (const user of [a, b]) {
    const document = await documentOf(user);
    const preferences = { theme: 'dark', selectedTags: [`of ${user}`] };
    const body = { ...document, preferences, edits: {} };
    expect((await gate.request(user, `/user_${user}`, { method: 'PUT', body })).status).toBe(201);
    before.push(preferences);
  }
  const argv = [gate.database, ...FAST, '--only', 'reads,writes', '--requests', '200'];
  expect((await runAttackCommand(argv, { env: tokensOf(a, b) })).code).toBe(0);
  expect([(await documentOf(a)).preferences, (await documentOf(b)).preferences]).toEqual(before);
});

test('an interrupted attack restores the documents, and is not a success', async () => {
  const [a, b] = [newUser(), newUser()];
  const before = (await documentOf(b)).preferences;
  const interrupt = new AbortController();
  // User B has written the random text by the first request of the list.
  const argv = [gate.database, '--rate', '50', '--json', '--requests', '0'];
  const running = runAttackCommand(argv, { env: tokensOf(a, b), signal: interrupt.signal });
  await eventually(async () => JSON.stringify(await documentOf(b)).includes('canary-'));
  interrupt.abort();
  const { code, stderr } = await running;
  expect([code, stderr]).toEqual([2, 'The attack was interrupted. It is incomplete.']);
  expect((await documentOf(b)).preferences).toEqual(before);
});

test('with --register two accounts are created and signed out, and requests with their cookies are attacked', async () => {
  const { code, report, stdout } = await runAttackCommand([
    gate.database,
    ...FAST,
    '--register',
    '--only',
    'origins',
    '--requests',
    '0',
  ]);
  expect({ findings: findingsOf(report), code }).toEqual({ findings: [], code: 0 });
  expect(report?.results.map(({ observation }) => observation).filter((text) => text.includes('not sent'))).toEqual([]);
  const names =
    /The accounts (attack-a-[0-9a-f]{8}) and (attack-b-[0-9a-f]{8}) were created/.exec(stdout)?.slice(1) ?? [];
  expect(names).toHaveLength(2);
});

test('with --users the two users sign in with passwords from standard input', async () => {
  const [a, b] = [newUser(), newUser()];
  for (const username of [a, b]) {
    const body = JSON.stringify({ username, password: `the password of ${username}` });
    const headers = { 'content-type': 'application/json' };
    expect((await fetch(`${gate.url}/api/auth/register`, { method: 'POST', headers, body })).status).toBe(201);
  }
  const argv = [
    gate.database,
    ...FAST,
    '--users',
    `${a},${b}`,
    '--password-stdin',
    '--only',
    'activity',
    '--requests',
    '0',
  ];
  const input = `the password of ${a}\nthe password of ${b}\n`;
  const { code, report } = await runAttackCommand(argv, { input });
  expect({ findings: findingsOf(report), code }).toEqual({ findings: [], code: 0 });
  const wrong = await runAttackCommand(argv, { input: 'wrong\nwrong\n' });
  expect([wrong.code, wrong.stderr]).toEqual([2, `${a} could not sign in: Name or password is incorrect.`]);
});

test('no output contains a token', async () => {
  const [a, b] = [newUser(), newUser()];
  const env = { ...tokensOf(a, b), ATTACK_EXPIRED_TOKEN: gate.token(a, { exp: 1 }) };
  for (const format of [['--json'], []]) {
    // Findings repeat requests, so they are provoked: a token that has not expired is accepted.
    const accepted = { ...env, ATTACK_EXPIRED_TOKEN: gate.token(a, { exp: Math.floor(Date.now() / 1_000) + 600 }) };
    const argv = [gate.database, '--rate', '2000', '--only', 'tokens,headers', '--requests', '0', ...format];
    const { code, stdout, stderr } = await runAttackCommand(argv, { env: accepted });
    expect(code).toBe(1);
    for (const token of Object.values(accepted)) expect(stdout + stderr).not.toContain(token);
  }
  expect((await runAttackCommand([gate.database, ...FAST, '--only', 'tokens', '--requests', '0'], { env })).code).toBe(
    0,
  );
});

describe('an attack that cannot be run is exit code 2, with a sentence that says what to do', () => {
  test.each<[string, (url: string) => readonly string[], Record<string, string> | undefined, RegExp]>([
    ['no address', () => [], undefined, /Use "attack <url>"/],
    [
      'another machine',
      () => ['https://example.org'],
      undefined,
      /^example\.org is not this machine\. .*--i-operate-this-server/,
    ],
    ['no users', (url) => [url], {}, /--register, --users <a>,<b>, or their tokens/],
    [
      'a token that is refused',
      (url) => [url],
      { ATTACK_TOKEN_A: 'x.y.z', ATTACK_TOKEN_B: 'x.y.z' },
      /refuses the token of user A: .* Issue a new one/,
    ],
    ['no server', () => ['http://127.0.0.1:1'], undefined, /cannot be reached: .*ECONNREFUSED/],
    [
      'another database',
      (url) => [`${url}x`],
      undefined,
      /There is no database at \/sync\/.*Pass the URL that clients replicate with/,
    ],
    ['an unknown option', (url) => [url, '--token=secret'], undefined, /^(?!.*secret).*--token/],
  ])('%s', async (_, argv, env, sentence) => {
    const [a, b] = [newUser(), newUser()];
    const { code, stdout, stderr } = await runAttackCommand(argv(gate.database), { env: env ?? tokensOf(a, b) });
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(sentence);
  });

  test('two tokens of one user', async () => {
    const a = newUser();
    const { code, stderr } = await runAttackCommand([gate.database], { env: tokensOf(a, a) });
    expect([code, stderr]).toEqual([2, `Both users are ${a}. Pass the tokens of two different users.`]);
  });

  test('a redirect, which is not followed', async () => {
    const url = await startServer(301, { Location: 'https://example.org/sync/user_registry/' });
    const { code, stderr } = await runAttackCommand([url], { env: tokensOf('a', 'b') });
    expect([code, stderr]).toEqual([
      2,
      'The server redirects to https://example.org/sync/user_registry/. Pass the address that it redirects to.',
    ]);
  });
});

test('the rate limits the requests', async () => {
  const [a, b] = [newUser(), newUser()];
  const startedAt = performance.now();
  const argv = [gate.database, '--json', '--rate', '100', '--only', 'activity', '--requests', '0'];
  const { report } = await runAttackCommand(argv, { env: tokensOf(a, b) });
  expect(performance.now() - startedAt).toBeGreaterThan(((report?.requests ?? 0) - 1) * 10 - 50);
});

test('random requests end at the time limit', async () => {
  const [a, b] = [newUser(), newUser()];
  const argv = [gate.database, ...FAST, '--only', 'activity', '--requests', '1000000', '--seconds', '1'];
  const { code, report } = await runAttackCommand(argv, { env: tokensOf(a, b) });
  expect(code).toBe(0);
  expect(report?.seconds).toBeLessThan(scaleMs(20_000) / 1_000);
});
