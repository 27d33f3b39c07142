import { toUsername } from '../../../couchdb-design/testing/arbitraries.ts';
import { newUserDocument } from '../../../couchdb-design/user-document/user-document.ts';
import { defaultPreferenceDefinition } from '../../preferences/schema.ts';
import { DocumentSurvey } from './check-documents.ts';
import { evaluateOpenFiles } from './check-open-files.ts';
import { evaluateProxies } from './check-proxies.ts';
import { evaluateRevsLimit } from './check-revs-limit.ts';
import { evaluateClock } from './check-server.ts';
import { evaluateTokenClaims } from './check-tokens.ts';
import { evaluateExpired, evaluateForeignWrite, evaluateRead } from './check-user-requests.ts';
import { doctorCommand } from './command.ts';
import type { Finding } from './finding.ts';

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

const survey = (documents: readonly (readonly object[])[], ids?: readonly string[]): Finding[] => {
  const found = new DocumentSurvey('user_', defaultPreferenceDefinition());
  for (const [index, bodies] of documents.entries()) {
    const id = ids?.[index] ?? `user_person${index}`;
    const leaf = (body: object, number: number) => ({
      rev: `1-${number}`,
      body: { ...newUserDocument(toUsername(`person${index}`), new Date(0)), _id: id, ...body },
    });
    const [first, ...others] = bodies.map(leaf);
    if (first !== undefined) found.add({ id, live: [first, ...others] });
  }
  return found.findings();
};
const findingOf = (findings: readonly Finding[], check: string) => findings.find((each) => each.check === check);

test('names at most twenty documents of a kind, with a member of each and no value', () => {
  const finding = findingOf(
    survey(Array.from({ length: 60 }, () => [{ preferences: { token: 's3cret' } }])),
    'secrets',
  );
  expect(finding?.state).toBe('wrong');
  expect(finding?.sentence).toMatch(/^60 documents have members that look like secrets/);
  expect(finding?.sentence.match(/user_person\d+ \(preferences\.token\)/g)).toHaveLength(20);
  expect(finding?.sentence).toContain('"users repair NAME"');
  expect(finding?.sentence).not.toContain('s3cret');
});

test('finds every kind of document that an interface cannot read or edit', () => {
  const findings = survey([
    [{}],
    [{ version: 2 }],
    [{ version: undefined }],
    [{ edits: { theme: 'now' } }],
    [{ preferences: { notes: 'x'.repeat(70_000) } }],
    [{ edits: { theme: '9500-01-01T00:00:00.000Z-0000-aaaaa' } }],
    [{ preferences: { theme: 'pink' } }],
    [{}, {}, {}],
  ]);
  const states = findings.map(({ check, state }) => `${check}: ${state}`);
  expect(states).toEqual([
    'documents: told',
    'secrets: good',
    'versions: wrong',
    'versions: told',
    'malformed documents: wrong',
    'document sizes: wrong',
    'stamps: told',
    'hidden values: told',
    'conflicts: told',
  ]);
  expect(findingOf(findings, 'conflicts')?.sentence).toContain('the worst user_person7 with 3 leaves');
  expect(findingOf(findings, 'malformed documents')?.sentence).toContain('user_person3 (edits.theme)');
});

test('an id that no user can have is a fault, and another document a note', () => {
  const findings = survey([[{}], [{}]], ['user_No body', 'settings']).filter(({ check }) => check === 'document ids');
  expect(findings.map(({ state }) => state)).toEqual(['wrong', 'told']);
  expect(findings.map(({ sentence }) => sentence)).toEqual([
    expect.stringContaining('user_No body'),
    expect.stringContaining('settings'),
  ]);
});

test('a registry with well-formed documents has no fault', () => {
  expect(survey([[{}], [{}]]).filter(({ state }) => state === 'wrong')).toEqual([]);
  expect(findingOf(survey([]), 'documents')?.sentence).toBe('0 user documents were read.');
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
