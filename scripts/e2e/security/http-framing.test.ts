import { gzipSync } from 'node:zlib';
import { setUpAttackFixture } from './testing/attack-fixture.ts';
import { rawRequest } from '../../../server/testing/raw-http.ts';

/** Bytes that two servers may interpret differently: where a request ends, and what a body contains. */
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
/** Would be a valid request to the database if it were parsed as one. */
const smuggled = `DELETE /${names.registry}/user_bob HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n`;

describe('request boundaries', () => {
  it.each<[string, () => string]>([
    [
      'a length and chunked encoding',
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
      'chunked encoding and a length',
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
      'two lengths in one header',
      () => rawRequest(requestHead('POST', '/_bulk_get', 'Content-Length: 2, 2'), `{}${smuggled}`),
    ],
    ['a signed length', () => rawRequest(requestHead('POST', '/_bulk_get', 'Content-Length: +2'), `{}${smuggled}`)],
    [
      'a length in hexadecimal',
      () => rawRequest(requestHead('POST', '/_bulk_get', 'Content-Length: 0x2'), `{}${smuggled}`),
    ],
    [
      'an unknown transfer coding',
      () => rawRequest(requestHead('POST', '/_bulk_get', 'Transfer-Encoding: xchunked'), chunked(smuggled)),
    ],
    [
      'two transfer codings',
      () => rawRequest(requestHead('POST', '/_bulk_get', 'Transfer-Encoding: chunked, identity'), chunked(smuggled)),
    ],
    [
      'a space before the colon',
      () => rawRequest(requestHead('POST', '/_bulk_get', 'Transfer-Encoding : chunked'), chunked(smuggled)),
    ],
    [
      'a tab and a folded transfer coding',
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
    ['lines that end in LF only', () => rawRequest(requestHead('GET', '/_all_docs')).replaceAll('\r\n', '\n')],
    ['another version', () => rawRequest(requestHead('GET', '/_all_docs')).replace('HTTP/1.1', 'HTTP/2.0')],
    ['no version', () => `GET ${base}/user_bob\r\n\r\n`],
    ['headers of 50 kB', () => rawRequest(requestHead('GET', '/', `X-Long: ${'x'.repeat(50_000)}`))],
    [
      'a thousand headers',
      () => rawRequest(requestHead('GET', '/_all_docs', ...Array.from({ length: 1_000 }, (_, n) => `X-${n}: 1`))),
    ],
  ])('%s is rejected, and the bytes after it are not parsed as a request', async (_, createBytes) => {
    const responses = await attackRaw(createBytes(), { responseCount: 2, halfClose: true });
    for (const { status } of responses) expect(status).toBeGreaterThanOrEqual(400);
    expect(fixture.upstreamCalls()).toEqual([]);
  });

  it.each(['GET', 'HEAD', 'OPTIONS', 'DELETE', 'PUT', 'POST'])(
    'the body of a %s is not parsed as a request, with a length or with chunked encoding',
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
          const responses = await attackRaw(bytes + after, { responseCount: 9, isHead: method === 'HEAD' });
          // Only the first when the server then closes, otherwise both, and never three.
          expect([1, 2]).toContain(responses.length);
        }
      }
      expect(fixture.upstreamCalls().filter((call) => call.includes('DELETE') || call.includes('bob'))).toEqual([]);
    },
  );

  it('pipelined requests are answered in order, each for its own token', async () => {
    const frida = `Authorization: Bearer ${fixture.server.token('frida')}`;
    const getDocument = (line: string, name: string): string =>
      rawRequest([`GET ${base}/user_${name} HTTP/1.1`, 'Host: x', line]);
    const requests = [
      getDocument(fixture.authorization, 'alice'),
      getDocument(frida, 'frida'),
      getDocument(frida, 'alice'),
      getDocument('X-None: 1', 'frida'),
    ].join('');
    const responses = await attackRaw(requests.repeat(7), { responseCount: 28 });
    expect(responses.map(({ status }) => status)).toEqual(Array.from({ length: 7 }, () => [200, 200, 404, 401]).flat());
    const ids = responses
      .filter(({ status }) => status === 200)
      .map(({ body }) => (parse(body) as { _id: string })._id);
    expect(ids).toEqual(Array.from({ length: 7 }, () => ['user_alice', 'user_frida']).flat());
  });

  it.each([
    [
      'an incomplete body',
      (): string =>
        rawRequest(
          requestHead('POST', '/_bulk_docs', 'Content-Type: application/json', 'Content-Length: 1000'),
          '{"docs":[',
        ),
    ],
    [
      'an incomplete chunk',
      (): string =>
        rawRequest(
          requestHead('POST', '/_bulk_docs', 'Content-Type: application/json', 'Transfer-Encoding: chunked'),
          '400\r\n{"docs":[',
        ),
    ],
    ['an incomplete head', (): string => rawRequest(requestHead('GET', '/user_alice')).slice(0, -2)],
    ['a longpoll', (): string => rawRequest(requestHead('GET', '/_changes?feed=longpoll&since=now&heartbeat=1000'))],
  ])('%s before the client disconnects has no lasting effect', async (_, createBytes) => {
    await attackRaw(createBytes(), { halfClose: true });
    expect((await fixture.server.request('frida', '/')).status).toBe(200);
  });

  it('an Upgrade is ignored, and the connection then closes, because Node parses nothing after it', async () => {
    for (const protocol of ['websocket', 'h2c', 'TLS/1.0']) {
      const upgrade = rawRequest(requestHead('GET', '/user_alice', `Upgrade: ${protocol}`, 'Connection: Upgrade'));
      const responses = await attackRaw(upgrade + rawRequest(requestHead('GET', '/user_bob')), { responseCount: 2 });
      expect(responses[0]?.status).toBe(200);
      expect(responses.slice(1).every(({ status }) => status === 404)).toBe(true);
    }
  });

  it('a connection outside the gate also closes after an Upgrade, instead of leaving the next request without a response', async () => {
    const head = ['Host: x', 'Upgrade: websocket', 'Connection: Upgrade'];
    const bytes = `${rawRequest(['GET /healthz HTTP/1.1', ...head])}BROKEN\r\n\r\n`;
    expect(await attackRaw(bytes, { responseCount: 2 })).toMatchObject([{ status: 200 }]);
  });

  it('Expect: 100-continue is answered, and an unknown expectation is 417', async () => {
    const body = '{"docs":[]}';
    const head = requestHead('POST', '/_bulk_get', 'Content-Type: application/json', `Content-Length: ${body.length}`);
    expect(await attackRaw(rawRequest([...head, 'Expect: 100-continue'], body))).toMatchObject([{ status: 200 }]);
    const [unknown] = await attackRaw(rawRequest([...head, 'Expect: 200-maybe', 'Connection: close'], body), {
      isHead: true,
    });
    expect(unknown?.status).toBe(417);
  });
});

describe('body contents', () => {
  const json = 'Content-Type: application/json';
  const sendBody = async (path: string, body: string | Buffer, ...head: string[]): Promise<number | undefined> => {
    const bytes = Buffer.from(body);
    const request = rawRequest(
      requestHead('POST', path, `Content-Length: ${bytes.length}`, 'Connection: close', ...head),
    );
    const [response] = await attackRaw(Buffer.concat([new Uint8Array(Buffer.from(request)), new Uint8Array(bytes)]));
    expect((await fixture.server.request('frida', '/')).status).toBe(200);
    return response?.status;
  };
  const valid = '{"docs":[{"id":"user_bob"}]}';

  it.each<[string, string | Buffer, string[], number]>([
    ['no content type', valid, [], 415],
    ['a form', valid, ['Content-Type: application/x-www-form-urlencoded'], 415],
    ['multipart', valid, ['Content-Type: multipart/form-data; boundary=x'], 415],
    ['text', valid, ['Content-Type: text/plain'], 415],
    ['a type with the same start', valid, ['Content-Type: application/jsonx'], 415],
    ['gzip', gzipSync(valid), [json, 'Content-Encoding: gzip'], 415],
    ['a compression bomb', gzipSync(' '.repeat(50_000_000)), [json, 'Content-Encoding: gzip'], 415],
    ['brotli', valid, [json, 'Content-Encoding: br'], 415],
    ['UTF-16', Buffer.from(valid, 'utf16le'), [`${json}; charset=utf-16le`], 400],
    ['a byte order mark', `\ufeff${valid}`, [json], 400],
    ['invalid UTF-8', Buffer.from('{"docs":[{"id":"user_\xff"}]}', 'latin1'), [json], 400],
    ['an overlong slash', Buffer.from('{"docs":[{"id":"user_bob\xc0\xaf"}]}', 'latin1'), [json], 400],
    ['a surrogate in UTF-8', Buffer.from('{"docs":[{"id":"\xed\xa0\x80"}]}', 'latin1'), [json], 400],
    ['an empty body', '', [json], 400],
    ['half of a body', valid.slice(0, 10), [json], 400],
    ['two bodies', valid + valid, [json], 400],
    ['an array', '[{"id":"user_bob"}]', [json], 400],
    ['an object with array members', '{"docs":{"0":{"id":"user_bob"},"length":1}}', [json], 400],
    ['rows in __proto__', `{"__proto__":${valid}}`, [json], 400],
    ['rows in constructor', `{"constructor":{"prototype":${valid}}}`, [json], 400],
    ['comments', `/* */${valid}`, [json], 400],
    ['NaN', '{"docs":NaN}', [json], 400],
    ['deep nesting', '['.repeat(100_000) + ']'.repeat(100_000), [json], 400],
    ['deep nesting without an end', '{"docs":'.repeat(30_000), [json], 400],
    ['2 MB', `{"docs":[${' '.repeat(2_000_000)}]}`, [json], 413],
  ])('%s is rejected without an upstream request', async (_, body, head, status) => {
    expect(await sendBody('/_bulk_get', body, ...head)).toBe(status);
    expect(await sendBody('/_revs_diff', body, ...head)).toBeGreaterThanOrEqual(status === 400 ? 200 : status);
    expect(fixture.upstreamCalls().filter((call) => !call.includes('/_changes'))).toEqual([]);
  });

  it('the last of two members with one name counts, in the gate and upstream', async () => {
    const own = '"_id":"user_alice"';
    const rows = [`{${own},"_id":"user_bob"}`, `{"_id":"user_bob",${own},"_id":"user_bob"}`];
    const body = `{"docs":0,"docs":[${rows.join()}]}`;
    const head = requestHead('POST', '/_bulk_docs', json, 'Connection: close', `Content-Length: ${body.length}`);
    const [response] = await attackRaw(rawRequest(head, body));
    expect([response?.status, parse(response?.body ?? '')]).toMatchObject([
      201,
      [
        { id: 'user_bob', error: 'forbidden' },
        { id: 'user_bob', error: 'forbidden' },
      ],
    ]);
    expect(fixture.upstreamCalls()).toEqual([]);
  });

  it.each([
    ['deep nesting', `"x":${'['.repeat(100_000)}${']'.repeat(100_000)}`],
    [
      'deep nesting in its path',
      `"_rev":"1-${'1'.repeat(32)}","_revisions":{"start":1,"ids":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
    ],
    ['an unpaired surrogate', '"username":"\\ud800"'],
    ['a number beyond the range', '"version":1e999'],
    ['numbers beyond the precision', '"version":1.00000000000000000001,"x":9007199254740993'],
    ['a __proto__ member', '"__proto__":{"_id":"user_bob","username":"bob"}'],
    ['a constructor member', '"constructor":{"prototype":{"isAdmin":true}}'],
  ])('a row with %s is refused in a batch and in a PUT', async (_, member) => {
    const row = `{"_id":"user_alice","type":"user_preferences",${member}}`;
    for (const body of [`{"docs":[${row}]}`, `{"new_edits":false,"docs":[${row}]}`]) {
      const head = requestHead('POST', '/_bulk_docs', json, 'Connection: close', `Content-Length: ${body.length}`);
      const [response] = await attackRaw(rawRequest(head, body));
      expect([response?.status, parse(response?.body ?? '')]).toMatchObject([201, [{ error: 'forbidden' }]]);
    }
    const [put] = await attackRaw(
      rawRequest(requestHead('PUT', '/user_alice', json, 'Connection: close', `Content-Length: ${row.length}`), row),
    );
    // A body that is nested too deeply is not parsed.
    expect(put?.status).toBe(member.includes('[[') ? 400 : 403);
    expect(Object.prototype).not.toHaveProperty('isAdmin');
  });

  it('the welcome is the same with and without a token, and causes no upstream request', async () => {
    const [first] = await attackRaw('GET /sync/ HTTP/1.1\r\nHost: x\r\n\r\n');
    const [second] = await attackRaw(rawRequest(['GET /sync/ HTTP/1.1', 'Host: x', fixture.authorization]));
    expect(first?.body).toBe(second?.body);
    expect(fixture.upstreamCalls()).toEqual([]);
  });
});
