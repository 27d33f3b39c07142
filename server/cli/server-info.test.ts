import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { startFakeUpstream, type FakeUpstreamHandler } from '../testing/fake-couchdb.ts';
import { setupCommand } from './setup/command.ts';

/** Who may stand at COUCHDB_URL and is no CouchDB that will do. The answers are those of the real ones. */

async function run(url: string): Promise<{ code: number; said: string[]; complaints: string[] }> {
  const [said, complaints]: [string[], string[]] = [[], []];
  const code = await setupCommand({
    argv: [],
    env: { COUCHDB_URL: url, COUCHDB_USER: 'admin', COUCHDB_PASSWORD: 'sesame-open-yourself' },
    print: (line) => said.push(line),
    printError: (line) => complaints.push(line),
  });
  return { code, said, complaints };
}

const SIGNED_IN = {
  ok: true,
  userCtx: { name: 'admin', roles: ['_admin'] },
  info: { authentication_handlers: ['default'] },
};
const ANONYMOUS = { ok: true, userCtx: { name: null, roles: [] }, info: { authentication_handlers: ['default'] } };

/** A server that answers `/` and `/_session` as told, and anything else with 500. */
const respondWith =
  (answers: { root: [number, unknown]; signedIn?: object; nobody?: object }): FakeUpstreamHandler =>
  (request, response) => {
    const session = request.headers.authorization === undefined ? answers.nobody : answers.signedIn;
    const [status, body] =
      request.url === '/' ? answers.root : request.url === '/_session' ? [200, session ?? ANONYMOUS] : [500, {}];
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };

const WELCOME = { couchdb: 'Welcome', version: '3.4.3', vendor: { name: 'The Apache Software Foundation' } };

it.each([
  [
    'an admin party',
    { root: [200, WELCOME], nobody: { ...ANONYMOUS, userCtx: { name: null, roles: ['_admin'] } } },
    /^CouchDB has no administrator, so everybody is one\. Give it one in its local\.ini/,
  ],
  [
    'wrong credentials',
    { root: [401, { error: 'unauthorized', reason: 'Name or password is incorrect.' }] },
    /refuses COUCHDB_USER admin with this COUCHDB_PASSWORD/,
  ],
  [
    'a locked account',
    {
      root: [
        403,
        { error: 'forbidden', reason: 'Account is temporarily locked due to multiple authentication failures' },
      ],
    },
    /lets nobody in as admin for now: Account is temporarily locked .*\. Wait some minutes/,
  ],
  [
    'no administrator',
    { root: [200, WELCOME], signedIn: { ...SIGNED_IN, userCtx: { name: 'admin', roles: ['x'] } } },
    /^admin is not a server admin of CouchDB/,
  ],
  [
    'too old a version',
    { root: [200, { ...WELCOME, version: '2.3.1' }] },
    /has version 2\.3\.1; Pouchgate needs 3\.0 or newer/,
  ],
  [
    'another kind of server',
    { root: [200, { hello: 'world' }] },
    /is not CouchDB \(status 200\); see that COUCHDB_URL is right/,
  ],
  ['a page', { root: [200, '<html>It works!</html>'] }, /is not CouchDB \(status 200\)/],
] satisfies [string, Parameters<typeof respondWith>[0], RegExp][])(
  '%s is told in a sentence, and nothing is written',
  async (_, answers, sentence) => {
    const upstream = await startFakeUpstream(respondWith(answers));
    const { code, said, complaints } = await run(upstream.access.url);
    expect([code, said]).toEqual([1, []]);
    expect(complaints).toEqual([expect.stringMatching(sentence) as string]);
    expect(complaints.join()).not.toContain('sesame');
    expect(upstream.requests.filter(({ method }) => method !== 'GET')).toEqual([]);
    await upstream.close();
  },
);

it('that nobody answers is told, with the reason', async () => {
  const holder = createServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
  const { port } = holder.address() as AddressInfo;
  holder.close();
  await once(holder, 'close');
  const { code, complaints } = await run(`http://127.0.0.1:${port}`);
  expect(code).toBe(1);
  expect(complaints[0]).toMatch(/^Nothing answers at http:\/\/127\.0\.0\.1:\d+; see that CouchDB runs .*ECONNREFUSED/);
});

it('what is missing in the environment is told all at once, and how the command is used', async () => {
  const complaints: string[] = [];
  const said: string[] = [];
  const options = {
    env: {},
    print: (line: string) => said.push(line),
    printError: (line: string) => complaints.push(line),
  };
  expect(await setupCommand({ ...options, argv: [] })).toBe(1);
  for (const name of ['COUCHDB_URL', 'COUCHDB_USER', 'COUCHDB_PASSWORD'])
    expect(complaints[0]).toContain(`${name} is missing; give`);
  expect(await setupCommand({ ...options, argv: ['--repalce'] })).toBe(1);
  expect(complaints[1]).toContain("Unknown option '--repalce'");
  expect(await setupCommand({ ...options, argv: ['--help'] })).toBe(0);
  expect(said.join()).toContain('--dry-run');
});
