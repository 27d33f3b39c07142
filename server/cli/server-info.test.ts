import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { startFakeUpstream, type FakeUpstreamHandler } from '../testing/fake-couchdb.ts';
import { setupCommand } from './setup/command.ts';

/** Servers at COUCHDB_URL that set-up cannot use, with the responses of real ones. */

async function run(url: string): Promise<{ code: number; outputLines: string[]; errorLines: string[] }> {
  const [outputLines, errorLines]: [string[], string[]] = [[], []];
  const code = await setupCommand({
    argv: [],
    env: { COUCHDB_URL: url, COUCHDB_USER: 'admin', COUCHDB_PASSWORD: 'sesame-open-yourself' },
    print: (line) => outputLines.push(line),
    printError: (line) => errorLines.push(line),
  });
  return { code, outputLines, errorLines };
}

const SIGNED_IN = {
  ok: true,
  userCtx: { name: 'admin', roles: ['_admin'] },
  info: { authentication_handlers: ['default'] },
};
const ANONYMOUS = { ok: true, userCtx: { name: null, roles: [] }, info: { authentication_handlers: ['default'] } };

/** Responds to `/` and `/_session` as given, and to anything else with 500. */
const respondWith =
  (responses: { root: [number, unknown]; signedIn?: object; anonymous?: object }): FakeUpstreamHandler =>
  (request, response) => {
    const session = request.headers.authorization === undefined ? responses.anonymous : responses.signedIn;
    const [status, body] =
      request.url === '/' ? responses.root : request.url === '/_session' ? [200, session ?? ANONYMOUS] : [500, {}];
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };

const WELCOME = { couchdb: 'Welcome', version: '3.4.3', vendor: { name: 'The Apache Software Foundation' } };

it.each([
  [
    'an admin party',
    { root: [200, WELCOME], anonymous: { ...ANONYMOUS, userCtx: { name: null, roles: ['_admin'] } } },
    /^CouchDB has no administrator, so every client is one\. Add one to its local\.ini/,
  ],
  [
    'wrong credentials',
    { root: [401, { error: 'unauthorized', reason: 'Name or password is incorrect.' }] },
    /rejects COUCHDB_USER admin with this COUCHDB_PASSWORD/,
  ],
  [
    'a locked account',
    {
      root: [
        403,
        { error: 'forbidden', reason: 'Account is temporarily locked due to multiple authentication failures' },
      ],
    },
    /has locked the account for now \(Account is temporarily locked .*\)\. Wait some minutes, check COUCHDB_PASSWORD/,
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
  ['another kind of server', { root: [200, { hello: 'world' }] }, /is not CouchDB \(status 200\)\. Check COUCHDB_URL/],
  ['a page', { root: [200, '<html>It works!</html>'] }, /is not CouchDB \(status 200\)/],
] satisfies [string, Parameters<typeof respondWith>[0], RegExp][])(
  'reports %s in a sentence, and writes nothing',
  async (_, responses, sentence) => {
    const upstream = await startFakeUpstream(respondWith(responses));
    const { code, outputLines, errorLines } = await run(upstream.access.url);
    expect([code, outputLines]).toEqual([1, []]);
    expect(errorLines).toEqual([expect.stringMatching(sentence) as string]);
    expect(errorLines.join()).not.toContain('sesame');
    expect(upstream.requests.filter(({ method }) => method !== 'GET')).toEqual([]);
    await upstream.close();
  },
);

it('reports a server that does not respond, with the reason', async () => {
  const portHolder = createServer().listen(0, '127.0.0.1');
  await once(portHolder, 'listening');
  const { port } = portHolder.address() as AddressInfo;
  portHolder.close();
  await once(portHolder, 'close');
  const { code, errorLines } = await run(`http://127.0.0.1:${port}`);
  expect(code).toBe(1);
  expect(errorLines[0]).toMatch(
    /^No response from http:\/\/127\.0\.0\.1:\d+\. Check that CouchDB is running .*ECONNREFUSED/,
  );
});

it('reports every missing environment variable at once, unknown options, and the help text', async () => {
  const errorLines: string[] = [];
  const outputLines: string[] = [];
  const options = {
    env: {},
    print: (line: string) => outputLines.push(line),
    printError: (line: string) => errorLines.push(line),
  };
  expect(await setupCommand({ ...options, argv: [] })).toBe(1);
  for (const name of ['COUCHDB_URL', 'COUCHDB_USER', 'COUCHDB_PASSWORD'])
    expect(errorLines[0]).toContain(`${name} is missing; set it to`);
  expect(await setupCommand({ ...options, argv: ['--repalce'] })).toBe(1);
  expect(errorLines[1]).toContain("Unknown option '--repalce'");
  expect(await setupCommand({ ...options, argv: ['--help'] })).toBe(0);
  expect(outputLines.join()).toContain('--dry-run');
});
