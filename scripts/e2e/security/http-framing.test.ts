import { gzipSync } from 'node:zlib';
import { setUpAttackFixture } from './testing/attack-fixture.ts';
import { rawRequest } from '../../../server/testing/raw-http.ts';

/** Bytes that two servers may read differently: where a request ends, and what a body says. */
const fixture = setUpAttackFixture(['alice', 'frida']);
const { attackRaw, names } = fixture;
const base = `/sync/${names.registry}`;
const parse = (text: string): unknown => JSON.parse(text);

const requestHead = (method: string, path: string, ...head: string[]): string[] => [
  `${method} ${base}${path} HTTP/1.1`,
  'Host: x',
  fixture.authorization,
  ...head,
];
const chunked = (body: string): string => `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
/** What would be a good request to the database, were it one. */
const smuggled = `DELETE /${names.registry}/user_bob HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n`;

describe('where a request ends', () => {
  it.each<[string, () => string]>([
    [
      'a length and chunks',
      () =>
        rawRequest(
          requestHead(
            'POST',
            '/_bulk_get',
            'Content-Type: application/json',
            'Content-Length: 4',
            'Transfer-Encoding: chunked',
          ),
          `0\r\n\r\n${smuggled}`,
        ),
    ],
    [
      'chunks and a length',
      () =>
        rawRequest(
          requestHead(
            'POST',
            '/_bulk_get',
            'Content-Type: application/json',
            'Transfer-Encoding: chunked',
            'Content-Length: 6',
          ),
          `0\r\n\r\n${smuggled}`,
        ),
    ],
    [
      'two lengths',
      () =>
        rawRequest(
          requestHead(
            'POST',
            '/_bulk_get',
            'Content-Type: application/json',
            'Content-Length: 2',
            `Content-Length: ${2 + smuggled.length}`,
          ),
          `{}${smuggled}`,
        ),
    ],
    [
      'two lengths in one',
      () => rawRequest(requestHead('POST', '/_bulk_get', 'Content-Length: 2, 2'), `{}${smuggled}`),
    ],
    ['a signed length', () => rawRequest(requestHead('POST', '/_bulk_get', 'Content-Length: +2'), `{}${smuggled}`)],
    [
      'a length in hexadecimal',
      () => rawRequest(requestHead('POST', '/_bulk_get', 'Content-Length: 0x2'), `{}${smuggled}`),
    ],
    [
      'an unknown coding',
      () => rawRequest(requestHead('POST', '/_bulk_get', 'Transfer-Encoding: xchunked'), chunked(smuggled)),
    ],
    [
      'two codings',
      () => rawRequest(requestHead('POST', '/_bulk_get', 'Transfer-Encoding: chunked, identity'), chunked(smuggled)),
    ],
    [
      'a coding behind a space',
      () => rawRequest(requestHead('POST', '/_bulk_get', 'Transfer-Encoding : chunked'), chunked(smuggled)),
    ],
    [
      'a coding behind a tab',
      () => rawRequest(requestHead('POST', '/_bulk_get', 'Transfer-Encoding:\tx\r\n chunked'), chunked(smuggled)),
    ],
    ['a folded line', () => rawRequest(requestHead('GET', '/', 'X-Folded: a', ' Authorization: Basic RW5naW5lOng='))],
    ['a name with a NUL', () => rawRequest(requestHead('GET', '/', 'X-\u0000: a'))],
    [
      'a chunk length that overflows',
      () =>
        rawRequest(requestHead('POST', '/_bulk_get', 'Transfer-Encoding: chunked'), `fffffffffffffffff\r\n${smuggled}`),
    ],
    [
      'a chunk length with a sign',
      () => rawRequest(requestHead('POST', '/_bulk_get', 'Transfer-Encoding: chunked'), `-1\r\n${smuggled}`),
    ],
    [
      'a chunk extension',
      () =>
        rawRequest(
          requestHead('POST', '/_bulk_get', 'Content-Type: application/json', 'Transfer-Encoding: chunked'),
          `2;x="\r\n\r\n${smuggled}"\r\n{}\r\n0\r\n\r\n`,
        ),
    ],
    ['lines that end in LF alone', () => rawRequest(requestHead('GET', '/_all_docs')).replaceAll('\r\n', '\n')],
    ['another version', () => rawRequest(requestHead('GET', '/_all_docs')).replace('HTTP/1.1', 'HTTP/2.0')],
    ['no version', () => `GET ${base}/user_bob\r\n\r\n`],
    ['headers of 20 kB', () => rawRequest(requestHead('GET', '/', `X-Long: ${'x'.repeat(20_000)}`))],
    [
      'a thousand headers',
      () => rawRequest(requestHead('GET', '/_all_docs', ...Array.from({ length: 1_000 }, (_, n) => `X-${n}: 1`))),
    ],
  ])('%s is refused, and nothing behind it is a request', async (_, make) => {
    const answers = await attackRaw(make(), { responseCount: 2, halfClose: true });
    for (const { status } of answers) expect(status).toBeGreaterThanOrEqual(400);
    expect(fixture.upstreamCalls()).toEqual([]);
  });

  it.each(['GET', 'HEAD', 'OPTIONS', 'DELETE', 'PUT', 'POST'])(
    'what stands in the body of a %s is no request, whichever way its length is told',
    async (method) => {
      for (const path of [
        '/user_bob',
        '/user_alice',
        '/_local/x',
        '/_changes',
        '/_all_docs',
        '',
        '/_ensure_full_commit',
      ]) {
        const plain = rawRequest(
          requestHead(method, path, 'Content-Type: application/json', `Content-Length: ${smuggled.length}`),
          smuggled,
        );
        const inChunks = rawRequest(
          requestHead(method, path, 'Content-Type: application/json', 'Transfer-Encoding: chunked'),
          chunked(smuggled),
        );
        for (const bytes of [plain, inChunks]) {
          const after = rawRequest(requestHead('GET', '/user_bob', 'X-After: 1', 'Connection: close'));
          const answers = await attackRaw(bytes + after, { responseCount: 9, isHead: method === 'HEAD' });
          // The first alone, when the server then closes; or the second too. Never three.
          expect([1, 2]).toContain(answers.length);
        }
      }
      expect(fixture.upstreamCalls().filter((asked) => asked.includes('DELETE') || asked.includes('bob'))).toEqual([]);
    },
  );

  it('requests that come in one go are answered each for its own token, in order', async () => {
    const frida = `Authorization: Bearer ${fixture.server.token('frida')}`;
    const of = (line: string, name: string): string =>
      rawRequest([`GET ${base}/user_${name} HTTP/1.1`, 'Host: x', line]);
    const one = of(fixture.authorization, 'alice') + of(frida, 'frida') + of(frida, 'alice') + of('X-None: 1', 'frida');
    const answers = await attackRaw(one.repeat(7), { responseCount: 28 });
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 7 }, () => [200, 200, 404, 401]).flat());
    const names = answers
      .filter(({ status }) => status === 200)
      .map(({ body }) => (parse(body) as { _id: string })._id);
    expect(names).toEqual(Array.from({ length: 7 }, () => ['user_alice', 'user_frida']).flat());
  });

  it.each([
    [
      'a length that does not come',
      (): string =>
        rawRequest(
          requestHead('POST', '/_bulk_docs', 'Content-Type: application/json', 'Content-Length: 1000'),
          '{"docs":[',
        ),
    ],
    [
      'a chunk that does not come',
      (): string =>
        rawRequest(
          requestHead('POST', '/_bulk_docs', 'Content-Type: application/json', 'Transfer-Encoding: chunked'),
          '400\r\n{"docs":[',
        ),
    ],
    ['half a head', (): string => rawRequest(requestHead('GET', '/user_alice')).slice(0, -2)],
    ['a longpoll', (): string => rawRequest(requestHead('GET', '/_changes?feed=longpoll&since=now&heartbeat=1000'))],
  ])('%s before the client hangs up leaves nothing behind', async (_, make) => {
    await attackRaw(make(), { halfClose: true });
    expect((await fixture.server.request('frida', '/')).status).toBe(200);
  });

  it('a wish for another protocol is not granted, and the connection then ends, since nothing after it is read', async () => {
    for (const wish of ['websocket', 'h2c', 'TLS/1.0']) {
      const asks = rawRequest(requestHead('GET', '/user_alice', `Upgrade: ${wish}`, 'Connection: Upgrade'));
      const answers = await attackRaw(asks + rawRequest(requestHead('GET', '/user_bob')), { responseCount: 2 });
      expect(answers[0]?.status).toBe(200);
      expect(answers.slice(1).every(({ status }) => status === 404)).toBe(true);
    }
  });

  it('so it is outside the gate, where a request that cannot be read would else stay open and silent', async () => {
    const head = ['Host: x', 'Upgrade: websocket', 'Connection: Upgrade'];
    const bytes = `${rawRequest(['GET /healthz HTTP/1.1', ...head])}BROKEN\r\n\r\n`;
    expect(await attackRaw(bytes, { responseCount: 2 })).toMatchObject([{ status: 200 }]);
  });

  it('a client that wants to be told to go on is told, and a want that nobody knows is not met', async () => {
    const body = '{"docs":[]}';
    const head = requestHead('POST', '/_bulk_get', 'Content-Type: application/json', `Content-Length: ${body.length}`);
    expect(await attackRaw(rawRequest([...head, 'Expect: 100-continue'], body))).toMatchObject([{ status: 200 }]);
    const [odd] = await attackRaw(rawRequest([...head, 'Expect: 200-maybe', 'Connection: close'], body), {
      isHead: true,
    });
    expect(odd?.status).toBe(417);
  });
});

describe('what a body says', () => {
  const json = 'Content-Type: application/json';
  const sendBody = async (path: string, body: string | Buffer, ...head: string[]): Promise<number | undefined> => {
    const bytes = Buffer.from(body);
    const request = rawRequest(
      requestHead('POST', path, `Content-Length: ${bytes.length}`, 'Connection: close', ...head),
    );
    const [answer] = await attackRaw(Buffer.concat([new Uint8Array(Buffer.from(request)), new Uint8Array(bytes)]));
    expect((await fixture.server.request('frida', '/')).status).toBe(200);
    return answer?.status;
  };
  const good = '{"docs":[{"id":"user_bob"}]}';

  it.each<[string, string | Buffer, string[], number]>([
    ['no content type', good, [], 415],
    ['a form', good, ['Content-Type: application/x-www-form-urlencoded'], 415],
    ['multipart', good, ['Content-Type: multipart/form-data; boundary=x'], 415],
    ['text', good, ['Content-Type: text/plain'], 415],
    ['a type that begins alike', good, ['Content-Type: application/jsonx'], 415],
    ['gzip', gzipSync(good), [json, 'Content-Encoding: gzip'], 415],
    ['a bomb', gzipSync(' '.repeat(50_000_000)), [json, 'Content-Encoding: gzip'], 415],
    ['brotli', good, [json, 'Content-Encoding: br'], 415],
    ['UTF-16', Buffer.from(good, 'utf16le'), [`${json}; charset=utf-16le`], 400],
    ['a byte order mark', `\ufeff${good}`, [json], 400],
    ['bytes that are no UTF-8', Buffer.from('{"docs":[{"id":"user_\xff"}]}', 'latin1'), [json], 400],
    ['an overlong slash', Buffer.from('{"docs":[{"id":"user_bob\xc0\xaf"}]}', 'latin1'), [json], 400],
    ['a surrogate in UTF-8', Buffer.from('{"docs":[{"id":"\xed\xa0\x80"}]}', 'latin1'), [json], 400],
    ['nothing', '', [json], 400],
    ['half of it', good.slice(0, 10), [json], 400],
    ['two of it', good + good, [json], 400],
    ['a list', '[{"id":"user_bob"}]', [json], 400],
    ['a list with members', '{"docs":{"0":{"id":"user_bob"},"length":1}}', [json], 400],
    ['a prototype that has rows', `{"__proto__":${good}}`, [json], 400],
    ['a constructor that has rows', `{"constructor":{"prototype":${good}}}`, [json], 400],
    ['comments', `/* */${good}`, [json], 400],
    ['NaN', '{"docs":NaN}', [json], 400],
    ['depth', '['.repeat(100_000) + ']'.repeat(100_000), [json], 400],
    ['depth without an end', '{"docs":'.repeat(100_000), [json], 400],
    ['2 MB', `{"docs":[${' '.repeat(2_000_000)}]}`, [json], 413],
  ])('%s is refused at once', async (_, body, head, status) => {
    expect(await sendBody('/_bulk_get', body, ...head)).toBe(status);
    expect(await sendBody('/_revs_diff', body, ...head)).toBeGreaterThanOrEqual(status === 400 ? 200 : status);
    expect(fixture.upstreamCalls().filter((asked) => !asked.includes('/_changes'))).toEqual([]);
  });

  it('of two members of one name the last counts, here and upstream', async () => {
    const own = '"_id":"user_alice"';
    const rows = [`{${own},"_id":"user_bob"}`, `{"_id":"user_bob",${own},"_id":"user_bob"}`];
    const body = `{"docs":0,"docs":[${rows.join()}]}`;
    const head = requestHead('POST', '/_bulk_docs', json, 'Connection: close', `Content-Length: ${body.length}`);
    const [answer] = await attackRaw(rawRequest(head, body));
    expect([answer?.status, parse(answer?.body ?? '')]).toMatchObject([
      201,
      [
        { id: 'user_bob', error: 'forbidden' },
        { id: 'user_bob', error: 'forbidden' },
      ],
    ]);
    expect(fixture.upstreamCalls()).toEqual([]);
  });

  it.each([
    ['depth', `"x":${'['.repeat(100_000)}${']'.repeat(100_000)}`],
    [
      'depth in its path',
      `"_rev":"1-${'1'.repeat(32)}","_revisions":{"start":1,"ids":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
    ],
    ['half a character', '"username":"\\ud800"'],
    ['a number beyond all', '"version":1e999'],
    ['a number beyond precision', '"version":1.00000000000000000001,"x":9007199254740993'],
    ['a prototype', '"__proto__":{"_id":"user_bob","username":"bob"}'],
    ['a constructor', '"constructor":{"prototype":{"isAdmin":true}}'],
  ])('a row with %s is refused as a row, and as a document', async (_, member) => {
    const row = `{"_id":"user_alice","type":"user_preferences",${member}}`;
    for (const body of [`{"docs":[${row}]}`, `{"new_edits":false,"docs":[${row}]}`]) {
      const head = requestHead('POST', '/_bulk_docs', json, 'Connection: close', `Content-Length: ${body.length}`);
      const [answer] = await attackRaw(rawRequest(head, body));
      expect([answer?.status, parse(answer?.body ?? '')]).toMatchObject([201, [{ error: 'forbidden' }]]);
    }
    const [put] = await attackRaw(
      rawRequest(requestHead('PUT', '/user_alice', json, 'Connection: close', `Content-Length: ${row.length}`), row),
    );
    expect(put?.status).toBe(403);
    expect(Object.prototype).not.toHaveProperty('isAdmin');
  });

  it("the welcome, which needs no token, is the same whoever asks and says nothing of the database's", async () => {
    const [first] = await attackRaw('GET /sync/ HTTP/1.1\r\nHost: x\r\n\r\n');
    const [second] = await attackRaw(rawRequest(['GET /sync/ HTTP/1.1', 'Host: x', fixture.authorization]));
    expect(first?.body).toBe(second?.body);
    expect(fixture.upstreamCalls()).toEqual([]);
  });
});
