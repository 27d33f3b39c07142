import { replaceDatabaseNames } from '../../../server/testing/test-database.ts';
import { CHANGES_BODIES, CHANGES_QUERIES, MISLEADING_HEADERS, UNKNOWN_TARGETS } from './testing/attack-cases.ts';
import { setUpAttackFixture } from './testing/attack-fixture.ts';
import { rawRequest } from '../../../server/testing/raw-http.ts';

/** Alice holds a good token and tries to see, change, count, probe or disturb bob. What holds after each is in `stage`. */
const fixture = setUpAttackFixture();
const { attack, attackRaw } = fixture;
const base = `/sync/${fixture.names.registry}`;

const id = (n: number): string => n.toString(16).padStart(32, '0');
const MISSING = { error: 'not_found', reason: 'missing' };
const parse = (text: string): unknown => JSON.parse(text);
const idsIn = (text: string): unknown => (parse(text) as { results: { id: string }[] }).results.map((row) => row.id);

describe('_changes is about the own document', () => {
  it.each(CHANGES_QUERIES)('GET _changes%s', async (query) => {
    const { status, body } = await attack(`/_changes${replaceDatabaseNames(query, fixture.names)}`);
    expect([status, (idsIn(body) as string[]).filter((one) => one !== 'user_alice')]).toEqual([200, []]);
  });

  it.each(CHANGES_QUERIES)('POST _changes%s, whatever the body', async (query) => {
    for (const body of CHANGES_BODIES) {
      const answer = await attack(`/_changes${replaceDatabaseNames(query, fixture.names)}`, {
        method: 'POST',
        body,
        namesBob: false,
      });
      expect([answer.status, (idsIn(answer.body) as string[]).filter((one) => one !== 'user_alice')]).toEqual([
        200,
        [],
      ]);
    }
  });
});

describe('paths', () => {
  it.each(UNKNOWN_TARGETS)('%s is nowhere, by any method, and the database is not asked', async (target) => {
    const path = Buffer.from(replaceDatabaseNames(target, fixture.names), 'utf8').toString('latin1');
    const methods = ['GET', 'POST', 'PUT', 'DELETE', 'COPY', 'PURGE', 'OPTIONS'];
    const head = ['Host: x', fixture.authorization, 'Connection: close'];
    const answers = await Promise.all(
      methods.map((method) => attackRaw(rawRequest([`${method} ${path} HTTP/1.1`, ...head]))),
    );
    for (const [answer] of answers) {
      expect([400, 404]).toContain(answer?.status);
      if (answer?.status === 404) expect(parse(answer.body)).toEqual(MISSING);
    }
    expect(fixture.upstreamCalls()).toEqual([]);
  });

  it('a tunnel through the gate is not opened', async () => {
    expect(await attackRaw(rawRequest([`CONNECT 127.0.0.1:${fixture.server.port} HTTP/1.1`, 'Host: x']))).toEqual([]);
  });
});

describe('methods', () => {
  it.each(['COPY', 'PURGE', 'PATCH', 'TRACE', 'MOVE', 'LOCK', 'PROPFIND', 'DELETE', 'POST', 'QUERY'])(
    '%s of a document is 405 or no HTTP, whatever says that it is another method',
    async (method) => {
      for (const name of ['user_bob', 'user_alice', 'user_nobody']) {
        const [answer] = await attackRaw(
          rawRequest([
            `${method} ${base}/${name}?_method=PUT&rev=1-${id(1)} HTTP/1.1`,
            'Host: x',
            fixture.authorization,
            'Destination: user_bob',
            'X-HTTP-Method-Override: PUT',
            'Content-Length: 0',
            'Connection: close',
          ]),
        );
        expect([400, 405]).toContain(answer?.status);
      }
      expect(fixture.upstreamCalls()).toEqual([]);
    },
  );

  it('an override does not turn a POST into anything', async () => {
    for (const override of ['PUT', 'DELETE', 'GET', 'COPY']) {
      const headers = { 'x-http-method-override': override };
      const answer = await attack('/_bulk_get?_method=GET', { method: 'POST', headers, body: { docs: [] } });
      expect([answer.status, parse(answer.body)]).toEqual([200, { results: [] }]);
    }
  });

  it('HEAD tells of others what GET does', async () => {
    const paths = ['/user_bob', '/user_nobody', '/_all_docs', '/_local/x'];
    const answers = await Promise.all(paths.map((path) => attack(path, { method: 'HEAD' })));
    const heads = answers.map(({ head }) => head.replace(/^date:.*$/m, ''));
    expect(new Set(heads.slice(0, 3)).size).toBe(1);
    expect(heads[0]).not.toMatch(/etag/i);
  });
});

describe('headers', () => {
  it.each(MISLEADING_HEADERS.map((headers) => [Object.keys(headers).join(', '), headers] as const))(
    '%s change nothing',
    async (_, headers) => {
      const lines = Object.entries(headers).map((header) => header.join(': '));
      const send = async (path: string, more: readonly string[]): Promise<unknown> => {
        const head = [`GET ${path} HTTP/1.1`, 'Host: x', fixture.authorization, ...more];
        const [answer] = await attackRaw(rawRequest(head));
        return [answer?.status, answer?.body];
      };
      for (const path of ['/user_alice', '/user_bob', '/_changes', '/', '/_all_docs']) {
        const target = `${base}${path}`;
        expect(await send(target, lines)).toEqual(await send(target, []));
      }
    },
  );

  it('no Host, nor a doubled or foreign one, leads elsewhere', async () => {
    for (const host of ['Host: evil.example', 'Host: 127.0.0.1:5984', 'Host: ', 'Host: a\r\nHost: b']) {
      const [answer] = await attackRaw(rawRequest([`GET ${base}/user_bob HTTP/1.1`, host, fixture.authorization]));
      expect([400, 404]).toContain(answer?.status);
    }
  });

  it.each([
    ["the engine's own scheme", 'Authorization: Basic RW5naW5lOng='],
    ['two tokens', 'Authorization: Bearer a.b.c\r\nAuthorization: Bearer a.b.c'],
    ['a token and more', 'Authorization: Bearer a.b.c, Basic RW5naW5lOng='],
    ['no scheme', 'Authorization: a.b.c'],
    ['a cookie', 'Cookie: AuthSession=RW5naW5lOng; token=a.b.c'],
    ['a fold', 'Authorization: Bearer\r\n a.b.c'],
    ['a header of a proxy', 'Proxy-Authorization: Bearer a.b.c'],
  ])('%s in place of one token is 401', async (_, line) => {
    const good = fixture.authorization.split(' ').at(-1) ?? '';
    // One bad and one good, in either order, and two good ones are no more than two bad ones.
    const mixed = [
      line.replace('a.b.c', good),
      line.replace(/a\.b\.c(?!.*a\.b\.c)/s, good),
      line.replaceAll('a.b.c', good),
    ];
    for (const authorization of [line, ...mixed].filter((each) => !/^Authorization: Bearer\r\n/.test(each))) {
      const [answer] = await attackRaw(rawRequest([`GET ${base}/ HTTP/1.1`, 'Host: x', authorization]));
      expect([answer?.status, parse(answer?.body ?? '')]).toMatchObject([401, { error: 'unauthorized' }]);
    }
    expect(fixture.upstreamCalls()).toEqual([]);
  });

  it('a token in the query, the body or the path is none', async () => {
    const token = fixture.server.token('bob');
    for (const target of [
      `/?access_token=${token}`,
      `/?token=${token}`,
      `/${token}`,
      `/_changes?authorization=Bearer ${token}`,
    ]) {
      const answer = await fetch(`${fixture.server.pouchgate.url}${base}${target}`);
      expect(answer.status).toBe(401);
    }
  });
});
