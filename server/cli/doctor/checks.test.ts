import { evaluateConflicts, evaluateSecrets, evaluateVersions } from './check-documents.ts';
import { evaluateOpenFiles } from './check-open-files.ts';
import { evaluateProxies } from './check-proxies.ts';
import { evaluateRevsLimit } from './check-revs-limit.ts';
import { evaluateClock } from './check-server.ts';
import { evaluateTokenClaims } from './check-tokens.ts';
import { evaluateExpired, evaluateForeignWrite, evaluateRead } from './check-user-requests.ts';
import { doctorCommand } from './command.ts';

test.each([
  [undefined, 'not-checked', 'have no date'],
  [0, 'good', 'agree'],
  [4_900, 'good', 'agree'],
  [-4_900, 'good', 'agree'],
  [61_000, 'wrong', '61 s ahead of this one'],
  [-61_000, 'wrong', '61 s behind this one'],
])('a clock offset of %s ms is %s', (offsetMs, state, excerpt) => {
  const finding = evaluateClock(offsetMs);
  expect(finding.state).toBe(state);
  expect(finding.sentence).toContain(excerpt);
});

test('names at most twenty documents with secrets, and their number', () => {
  const rows = Array.from({ length: 60 }, (_, n) => ({ id: `user_${n >> 1}`, key: 'token', value: 'token' }));
  const all = evaluateSecrets(rows, 60);
  expect(all.state).toBe('wrong');
  expect(all.sentence).toContain('60 fields that look like secrets are in 30 documents');
  expect(all.sentence.match(/user_\d+/g)).toHaveLength(20);
  expect(evaluateSecrets(rows, 9_000).sentence).toContain('in at least 30 documents');
  expect(evaluateSecrets([], 0).state).toBe('good');
});

test('reports conflicts, as a fault once the gate rejects further concurrent edits', () => {
  expect(evaluateConflicts(0, undefined).state).toBe('good');
  expect(evaluateConflicts(3, { id: 'user_a', key: 31, value: null }).state).toBe('told');
  const worst = evaluateConflicts(3, { id: 'user_a', key: 32, value: null });
  expect(worst.state).toBe('wrong');
  expect(worst.sentence).toContain('3 documents have conflicts, the worst user_a with 32 leaves');
});

test('accepts current document versions, reports older ones, and newer ones as a fault', () => {
  const row = (key: number, value: number) => ({ key, value });
  expect(evaluateVersions([row(1, 5)]).state).toBe('good');
  expect(evaluateVersions([])).toMatchObject({ state: 'good' });
  expect(evaluateVersions([row(0, 2), row(1, 5)])).toMatchObject({
    state: 'told',
    sentence: expect.stringMatching(/^2 documents/) as string,
  });
  expect(evaluateVersions([row(0, 2), row(2, 3), row(9, 4)])).toMatchObject({
    state: 'wrong',
    sentence: expect.stringMatching(/^7 documents/) as string,
  });
});

test('reports a low limit of open files as a fault, with the number of connections it allows', () => {
  expect(evaluateOpenFiles(1_024)).toMatchObject({
    state: 'wrong',
    sentence: expect.stringContaining('serves 768 connections') as string,
  });
  expect(evaluateOpenFiles(65_536).state).toBe('good');
  expect(evaluateOpenFiles(Number.POSITIVE_INFINITY).state).toBe('good');
});

test('reports an identity provider whose tokens are accepted for any issuer or audience', () => {
  const provider = { kind: 'jwks', url: 'https://idp.example/keys' } as const;
  const statesOf = (tokens: Parameters<typeof evaluateTokenClaims>[0]) =>
    evaluateTokenClaims(tokens).map(({ check, state }) => [check, state]);
  expect(statesOf({ provider, issuer: 'https://idp.example/', audience: 'gate' })).toEqual([
    ['issuer', 'good'],
    ['audience', 'good'],
  ]);
  expect(statesOf({ provider, issuer: undefined, audience: undefined })).toEqual([
    ['issuer', 'told'],
    ['audience', 'told'],
  ]);
  expect(evaluateTokenClaims({ provider: { kind: 'none' }, issuer: undefined, audience: undefined })).toEqual([]);
});

test('reports an invalid environment, checks nothing without CouchDB, and prints the help text', async () => {
  const lines: string[] = [];
  const options = { print: (line: string) => lines.push(line), printError: (line: string) => lines.push(line) };
  expect(await doctorCommand({ ...options, argv: [], env: { PORT: 'x' } })).toBe(1);
  expect(lines.at(-1)).toContain('PORT is not a port');
  expect(await doctorCommand({ ...options, argv: [], env: {} })).toBe(0);
  expect(lines.join('\n')).toContain('COUCHDB_URL is not set');
  expect(await doctorCommand({ ...options, argv: ['--help'], env: {} })).toBe(0);
  expect(lines.at(-1)).toContain('--json');
  expect(await doctorCommand({ ...options, argv: ['--jsno'], env: {} })).toBe(1);
  expect(lines.at(-1)).toContain("Unknown option '--jsno'");
});

test('names the trusted proxies, and mentions a gate that only trusts its own machine but listens for others', () => {
  const config = { host: '127.0.0.1', publicUrl: 'https://gate.example', trustedProxies: ['loopback'] };
  expect(evaluateProxies(config)).toMatchObject({
    state: 'good',
    sentence: expect.stringContaining('loopback') as string,
  });
  expect(evaluateProxies({ ...config, host: '0.0.0.0' })).toMatchObject({
    state: 'told',
    sentence: expect.stringContaining('TRUSTED_PROXIES') as string,
  });
  const named = { ...config, host: '0.0.0.0', trustedProxies: ['10.0.0.5', '10.1.0.0/16'] };
  expect(evaluateProxies(named)).toMatchObject({
    state: 'good',
    sentence: expect.stringContaining('10.0.0.5, 10.1.0.0/16') as string,
  });
  expect(evaluateProxies({ ...config, publicUrl: undefined }).state).toBe('told');
});

test.each([
  [1_000, 'good', '1000 revisions'],
  [100, 'good', '100 revisions'],
  [20, 'wrong', 'offline for 20 edits'],
  [5_000, 'good', '5000 revisions'],
  [20_000, 'wrong', 'refuse writes with more than 10000 revisions'],
])('a _revs_limit of %i is %s', (limit, state, excerpt) => {
  expect(evaluateRevsLimit('user_registry', limit)).toMatchObject({
    state,
    sentence: expect.stringContaining(excerpt) as string,
  });
});

test.each([
  [404, { error: 'not_found', reason: 'missing' }, 'good', 'responds'],
  [400, { error: 'bad_request', reason: 'Missing iss claim' }, 'wrong', 'status 400, Missing iss claim'],
  [403, { error: 'forbidden', reason: 'You are not allowed to access this db.' }, 'wrong', 'status 403'],
  [502, undefined, 'wrong', 'status 502, no reason given'],
])("a user's read with status %i and %j is %s", (status, body, state, excerpt) => {
  expect(evaluateRead({ status, body })).toMatchObject({
    state,
    sentence: expect.stringContaining(excerpt) as string,
  });
});

test.each([
  [403, { error: 'forbidden', reason: 'A user may write their own document only.' }, 'good', 'itself rejects'],
  [413, { error: 'document_too_large', reason: '' }, 'wrong', '(status 413, no reason given), the largest'],
  [201, { ok: true, rev: '1-a' }, 'wrong', 'CouchDB stores'],
  [400, { error: 'bad_request', reason: 'Unknown kid' }, 'wrong', 'status 400, Unknown kid'],
])("a user's write with status %i and %j is %s", (status, body, state, excerpt) => {
  expect(evaluateForeignWrite({ status, body })).toMatchObject({
    state,
    sentence: expect.stringContaining(excerpt) as string,
  });
});

test('reports a CouchDB that accepts expired tokens', () => {
  expect([evaluateExpired(true).state, evaluateExpired(false).state]).toEqual(['wrong', 'good']);
});
