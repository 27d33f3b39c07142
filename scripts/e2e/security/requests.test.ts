import { replaceDatabaseNames } from '../../../server/testing/test-database.ts';
import { changesBodies, changesQueries, misleadingHeaders } from '../../../server/cli/attack/generate/attack-cases.ts';
import { toRequestTarget } from '../../../server/cli/attack/generate/names.ts';
import { unknownTargets } from '../../../server/cli/attack/generate/unknown-targets.ts';
import { setUpAttackFixture } from './testing/attack-fixture.ts';
import { TITLE_NAMES } from './testing/attack-names.ts';
import { rawRequest } from '../../../server/testing/raw-http.ts';

/**
 * With a valid token, alice tries to see, change, count, probe or disturb bob. attack-fixture.ts has the checks that follow
 * each test.
 */
const fixture = setUpAttackFixture();
const { attack, attackRaw } = fixture;
const base = `/sync/${fixture.names.registry}`;

const id = (n: number): string => n.toString(16).padStart(32, '0');
const MISSING = { error: 'not_found', reason: 'missing' };
const OTHER_DATABASE = { error: 'not_found', reason: 'Database does not exist.' };
const parse = (text: string): unknown => JSON.parse(text);
const idsIn = (text: string): unknown => (parse(text) as { results: { id: string }[] }).results.map((row) => row.id);

describe('_changes returns only the own document', () => {
  it.each(changesQueries(TITLE_NAMES))('GET _changes%s', async (query) => {
    const { status, body } = await attack(`/_changes${replaceDatabaseNames(query, fixture.names)}`);
    expect([status, (idsIn(body) as string[]).filter((rowId) => rowId !== 'user_alice')]).toEqual([200, []]);
  });

  it.each(changesQueries(TITLE_NAMES))('POST _changes%s, for any body', async (query) => {
    for (const body of changesBodies(TITLE_NAMES)) {
      const response = await attack(`/_changes${replaceDatabaseNames(query, fixture.names)}`, {
        method: 'POST',
        body,
        namesBob: false,
      });
      expect([response.status, (idsIn(response.body) as string[]).filter((rowId) => rowId !== 'user_alice')]).toEqual([
        200,
        [],
      ]);
    }
  });
});

describe('paths', () => {
  it.each(unknownTargets(TITLE_NAMES))(
    '%s is not found with any method, without an upstream request',
    async (target) => {
      const path = toRequestTarget(replaceDatabaseNames(target, fixture.names));
      const methods = ['GET', 'POST', 'PUT', 'DELETE', 'COPY', 'PURGE', 'OPTIONS'];
      const head = ['Host: x', fixture.authorization, 'Connection: close'];
      const responses = await Promise.all(
        methods.map((method) => attackRaw(rawRequest([`${method} ${path} HTTP/1.1`, ...head]))),
      );
      for (const [response] of responses) {
        expect([400, 404]).toContain(response?.status);
        if (response?.status === 404) expect([MISSING, OTHER_DATABASE]).toContainEqual(parse(response.body));
      }
      expect(fixture.upstreamCalls()).toEqual([]);
    },
  );

  it('a database of CouchDB and one that does not exist get the same response, without an upstream request', async () => {
    const names = [fixture.names.sessions, 'no_such_database'];
    const responses = await Promise.all(
      names.map((name) =>
        attackRaw(
          rawRequest([`GET /sync/${name}/_changes HTTP/1.1`, 'Host: x', fixture.authorization, 'Connection: close']),
        ),
      ),
    );
    for (const [response] of responses) {
      expect([response?.status, parse(response?.body ?? '')]).toEqual([404, OTHER_DATABASE]);
    }
    expect(fixture.upstreamCalls()).toEqual([]);
  });

  it('the gate opens no tunnel', async () => {
    expect(await attackRaw(rawRequest([`CONNECT 127.0.0.1:${fixture.server.port} HTTP/1.1`, 'Host: x']))).toEqual([]);
  });
});

describe('methods', () => {
  it.each(['COPY', 'PURGE', 'PATCH', 'TRACE', 'MOVE', 'LOCK', 'PROPFIND', 'DELETE', 'POST', 'QUERY'])(
    '%s of a document is 405, or 400 from Node, also with a method override',
    async (method) => {
      for (const name of ['user_bob', 'user_alice', 'user_nobody']) {
        const [response] = await attackRaw(
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
        expect([400, 405]).toContain(response?.status);
      }
      expect(fixture.upstreamCalls()).toEqual([]);
    },
  );

  it('a method override does not change a POST', async () => {
    for (const override of ['PUT', 'DELETE', 'GET', 'COPY']) {
      const headers = { 'x-http-method-override': override };
      const response = await attack('/_bulk_get?_method=GET', { method: 'POST', headers, body: { docs: [] } });
      expect([response.status, parse(response.body)]).toEqual([200, { results: [] }]);
    }
  });

  it('HEAD reveals no more about others than GET', async () => {
    const paths = ['/user_bob', '/user_nobody', '/_all_docs', '/_local/x'];
    const responses = await Promise.all(paths.map((path) => attack(path, { method: 'HEAD' })));
    const heads = responses.map(({ head }) => head.replace(/^(?:date|x-request-id):.*$/gm, ''));
    expect(new Set(heads.slice(0, 3)).size).toBe(1);
    expect(heads[0]).not.toMatch(/etag/i);
  });
});

describe('headers', () => {
  it.each(misleadingHeaders(TITLE_NAMES).map((headers) => [Object.keys(headers).join(', '), headers] as const))(
    '%s change nothing',
    async (_, headers) => {
      const lines = Object.entries(headers).map((header) => header.join(': '));
      const send = async (path: string, extra: readonly string[]): Promise<unknown> => {
        const head = [`GET ${path} HTTP/1.1`, 'Host: x', fixture.authorization, ...extra];
        const [response] = await attackRaw(rawRequest(head));
        return [response?.status, response?.body];
      };
      for (const path of ['/user_alice', '/user_bob', '/_changes', '/', '/_all_docs']) {
        const target = `${base}${path}`;
        expect(await send(target, lines)).toEqual(await send(target, []));
      }
    },
  );

  it('an empty, duplicate or foreign Host has no effect', async () => {
    for (const host of ['Host: evil.example', 'Host: 127.0.0.1:5984', 'Host: ', 'Host: a\r\nHost: b']) {
      const [response] = await attackRaw(rawRequest([`GET ${base}/user_bob HTTP/1.1`, host, fixture.authorization]));
      expect([400, 404]).toContain(response?.status);
    }
  });

  it.each([
    ["the engine's own scheme", 'Authorization: Basic RW5naW5lOng='],
    ['two tokens', 'Authorization: Bearer a.b.c\r\nAuthorization: Bearer a.b.c'],
    ['a token and more credentials', 'Authorization: Bearer a.b.c, Basic RW5naW5lOng='],
    ['no scheme', 'Authorization: a.b.c'],
    ['a cookie', 'Cookie: AuthSession=RW5naW5lOng; token=a.b.c'],
    ['a folded line', 'Authorization: Bearer\r\n a.b.c'],
    ['a proxy header', 'Proxy-Authorization: Bearer a.b.c'],
  ])('%s in place of one token is 401', async (_, line) => {
    const validToken = fixture.authorization.split(' ').at(-1) ?? '';
    // An invalid and a valid token in either order, and two valid ones, are rejected like two invalid ones.
    const mixed = [
      line.replace('a.b.c', validToken),
      line.replace(/a\.b\.c(?!.*a\.b\.c)/s, validToken),
      line.replaceAll('a.b.c', validToken),
    ];
    for (const authorization of [line, ...mixed].filter((each) => !/^Authorization: Bearer\r\n/.test(each))) {
      const [response] = await attackRaw(rawRequest([`GET ${base}/ HTTP/1.1`, 'Host: x', authorization]));
      expect([response?.status, parse(response?.body ?? '')]).toMatchObject([401, { error: 'unauthorized' }]);
    }
    expect(fixture.upstreamCalls()).toEqual([]);
  });

  it('a token in the query or the path is ignored', async () => {
    const token = fixture.server.token('bob');
    for (const target of [
      `/?access_token=${token}`,
      `/?token=${token}`,
      `/${token}`,
      `/_changes?authorization=Bearer ${token}`,
    ]) {
      const response = await fetch(`${fixture.server.pouchgate.url}${base}${target}`);
      expect(response.status).toBe(401);
    }
  });
});
