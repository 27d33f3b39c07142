import { createHmac, generateKeyPairSync } from 'node:crypto';
import { readResponse } from './testing/leak-detector.ts';
import { setUpAttackFixture } from './testing/attack-fixture.ts';

/** Invalid tokens, other users' checkpoints, and information from counts or timing. */
const fixture = setUpAttackFixture(['alice', 'frida']);
const { attack } = fixture;
const parse = (text: string): unknown => JSON.parse(text);

const encodePart = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const signToken = (header: object, payload: unknown, key: string): string => {
  const input = `${encodePart(header)}.${encodePart(payload)}`;
  return `${input}.${createHmac('sha256', key).update(input).digest('base64url')}`;
};
const HS256 = { alg: 'HS256', typ: 'JWT' };
const later = Math.floor(Date.now() / 1000) + 3600;
const bob = { sub: 'bob', exp: later };
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString();

/** `secret` is the gate's own, for tokens with a valid signature that are invalid nevertheless. */
const BAD_TOKENS: readonly (readonly [string, (secret: string) => string])[] = [
  ['alg none', () => `${encodePart({ alg: 'none' })}.${encodePart(bob)}.`],
  ['alg None, signed', (secret) => signToken({ alg: 'None' }, bob, secret)],
  ['no alg', (secret) => signToken({ typ: 'JWT' }, bob, secret)],
  ['alg as an array', (secret) => signToken({ alg: ['HS256'] }, bob, secret)],
  ['alg in lower case', (secret) => signToken({ alg: 'hs256' }, bob, secret)],
  ['the wrong key', () => signToken(HS256, bob, 'another secret that is as long as any other')],
  ['no key', () => signToken(HS256, bob, '')],
  ["a public key's text", () => signToken(HS256, bob, pem)],
  ['RS256 signed with the secret', (secret) => signToken({ alg: 'RS256' }, bob, secret)],
  ['no signature', (secret) => signToken(HS256, bob, secret).replace(/[^.]+$/, '')],
  [
    'a signature of another payload',
    (secret) =>
      `${encodePart(HS256)}.${encodePart(bob)}.${signToken(HS256, { ...bob, sub: 'alice' }, secret).split('.')[2] ?? ''}`,
  ],
  ['an exp in the past', (secret) => signToken(HS256, { ...bob, exp: 1 }, secret)],
  ['no exp', (secret) => signToken(HS256, { sub: 'bob' }, secret)],
  ['exp as a string', (secret) => signToken(HS256, { ...bob, exp: String(later) }, secret)],
  ['exp as an array', (secret) => signToken(HS256, { ...bob, exp: [later] }, secret)],
  ['an exp beyond any date', (secret) => signToken(HS256, { ...bob, exp: 1e300 }, secret)],
  ['an nbf in the future', (secret) => signToken(HS256, { ...bob, nbf: later }, secret)],
  ...[['bob'], { toString: 'bob' }, 1, null, true, '', 'b'.repeat(256)].map(
    (sub) => [`sub ${JSON.stringify(sub)}`, (secret: string) => signToken(HS256, { ...bob, sub }, secret)] as const,
  ),
  ['another claim for the name', (secret) => signToken(HS256, { exp: later, username: 'bob', name: 'bob' }, secret)],
  [
    'sub in a prototype',
    (secret) => signToken(HS256, JSON.parse(`{"__proto__":{"sub":"bob"},"exp":${later}}`), secret),
  ],
  ['a token of 30 kB', (secret) => signToken(HS256, { ...bob, padding: 'x'.repeat(22_500) }, secret)],
  ['a payload that is a string', (secret) => signToken(HS256, 'bob', secret)],
  ['a payload that is an array', (secret) => signToken(HS256, [bob], secret)],
  [
    'a session that is another kind of document',
    (secret) => signToken(HS256, { ...bob, sid: `../${fixture.names.registry}/user_bob` }, secret),
  ],
  ['a session that does not exist', (secret) => signToken(HS256, { ...bob, sub: 'alice', sid: 'none' }, secret)],
  ['a session as an array', (secret) => signToken(HS256, { ...bob, sid: ['x'] }, secret)],
  ['an extension that must be understood', (secret) => signToken({ ...HS256, crit: ['b64'], b64: false }, bob, secret)],
];

describe('tokens', () => {
  it.each(BAD_TOKENS)('%s is 401 and reveals nothing', async (_, createToken) => {
    const headers = { authorization: `Bearer ${createToken(fixture.server.secret)}` };
    for (const [path, method] of [
      ['/user_bob', 'GET'],
      ['/', 'GET'],
      ['/_changes', 'GET'],
      ['/_all_docs', 'GET'],
      ['/user_bob', 'PUT'],
    ] as const) {
      const { status, body } = await attack(path, { headers, method });
      const expected = {
        error: 'unauthorized',
        reason: expect.any(String) as string,
        code: expect.stringMatching(/^(?:token|session)-/) as string,
      };
      expect([status, parse(body)]).toEqual([401, expected]);
    }
    expect(fixture.upstreamCalls()).toEqual([]);
  });

  it.each([
    ['../../../../../dev/null'],
    ['/proc/self/environ'],
    ["' OR 1=1 --"],
    ['http://127.0.0.1:1/keys'],
    ['x'.repeat(256)],
  ])('a key id %s is not resolved and selects no other key', async (kid) => {
    const header = {
      ...HS256,
      kid,
      jku: 'http://127.0.0.1:1/',
      x5u: 'http://127.0.0.1:1/',
      jwk: { kty: 'oct', k: 'AA' },
    };
    const forged = [signToken(header, bob, ''), signToken(header, bob, '\u0000'), signToken(header, bob, kid)];
    for (const token of forged) {
      expect((await attack('/', { headers: { authorization: `Bearer ${token}` } })).status).toBe(401);
    }
    expect(fixture.upstreamCalls()).toEqual([]);
  });

  it('role claims grant no rights', async () => {
    const roles = { roles: ['_admin'], '_couchdb.roles': ['_admin'], scope: 'admin', admin: true, username: 'bob' };
    const headers = { authorization: `Bearer ${fixture.server.token('alice', roles)}` };
    expect((await attack('/user_bob', { headers })).status).toBe(404);
    expect((await attack('/_all_docs', { headers })).status).toBe(404);
    expect(parse((await attack('/_changes', { headers })).body)).toMatchObject({ results: [{ id: 'user_alice' }] });
  });
});

describe('checkpoints', () => {
  it('belong to one user, whatever their id', async () => {
    const { server } = fixture;
    await server.request('frida', '/_local/shared', { method: 'PUT', body: { of: 'frida' } });
    expect((await attack('/_local/shared')).status).toBe(404);
    expect((await attack('/_local/shared', { method: 'PUT', body: { _rev: '0-1' } })).status).toBe(409);
    expect((await attack('/_local/shared?rev=0-1', { method: 'DELETE' })).status).toBe(404);
    expect(
      (await attack('/_local/shared', { method: 'PUT', body: { _id: '_local/checkpoints:frida', of: 'alice' } }))
        .status,
    ).toBe(201);
    expect(await (await server.request('frida', '/_local/shared')).json()).toMatchObject({ of: 'frida' });
  });

  it('take limited space, however many and however large', async () => {
    const text = 'x'.repeat(40_000);
    for (let n = 0; n < 45; n += 1) {
      const { status } = await attack(`/_local/many${n}`, { method: 'PUT', body: { text } });
      expect(status).toBe(201);
    }
    const stored = fixture.server.upstreamRequests.findLast(
      ({ method, url }) => method === 'PUT' && url.includes('checkpoints'),
    );
    expect(stored?.body.length).toBeLessThan(520 * 1024);
    expect((await attack('/_local/large', { method: 'PUT', body: { text: 'x'.repeat(66_000) } })).status).toBe(400);
    expect((await attack('/_local/huge', { method: 'PUT', body: { text: 'x'.repeat(1_100_000) } })).status).toBe(413);
  });

  it.each<[string, string]>([
    ['deep nesting', `{"x":${'['.repeat(30_000)}${']'.repeat(30_000)}}`],
    ['an unpaired surrogate', '{"x":"\\ud800"}'],
    ['an unpaired surrogate in a name', '{"\\udc00":1}'],
    ['an array', '[]'],
    ['a string', '"x"'],
    ['an empty body', ''],
  ])('%s is not a valid checkpoint', async (_, body) => {
    const { server } = fixture;
    const headers = { authorization: `Bearer ${server.token('alice')}`, 'content-type': 'application/json' };
    const url = `${server.pouchgate.url}/sync/${fixture.names.registry}/_local/odd`;
    expect((await fetch(url, { method: 'PUT', headers, body })).status).toBe(400);
    expect((await attack('/_local/odd')).status).toBe(404);
  });
});

describe('response bytes and times reveal nothing about other users', () => {
  /** All responses that alice can receive, byte for byte except for the Date header. */
  const readAllResponses = async (): Promise<readonly unknown[]> => {
    const gets = [
      '/',
      '/_changes?style=all_docs&include_docs=true',
      '/user_alice?revs_info=true',
      '/user_bob',
      '/_local/x',
    ];
    const posts: readonly (readonly [string, unknown])[] = [
      ['/_changes', { doc_ids: ['user_bob'] }],
      ['/_bulk_get', { docs: [{ id: 'user_alice' }, { id: 'user_bob' }] }],
      ['/_revs_diff', { user_alice: [`9-${'9'.repeat(32)}`], user_bob: [`9-${'9'.repeat(32)}`] }],
      ['/_bulk_docs', { docs: [{ _id: 'user_bob' }] }],
      ['/_ensure_full_commit', {}],
    ];
    const requests = [
      ...gets.map((path) => fixture.server.request('alice', path)),
      ...gets.map((path) => fixture.server.request('alice', path, { method: 'HEAD' })),
      ...posts.map(([path, body]) => fixture.server.request('alice', path, { method: 'POST', body })),
    ];
    const responses = await Promise.all(requests.map(async (response) => readResponse(await response)));
    return responses.map(({ head, body }) => [head.replace(/^(?:date|x-request-id): .*$/gm, ''), body]);
  };

  it("no byte of a response depends on bob's document or on the number of users", async () => {
    const before = await readAllResponses();
    await fixture.server.bob.edit();
    await fixture.server.addUsers(200);
    await fixture.server.bob.edit();
    expect(await readAllResponses()).toEqual(before);
  });

  it('an existing foreign document takes as long as a missing one, without an upstream request', async () => {
    const callCount = fixture.upstreamCalls().length;
    const times: { name: string; ms: number }[] = [];
    for (let round = 0; round < 300; round += 1) {
      // In a changing order, so that no periodic load correlates with it.
      for (const name of round % 3 === 0 ? ['user_bob', 'user_bqb'] : ['user_bqb', 'user_bob']) {
        const startedAt = performance.now();
        await (await fixture.server.request('alice', `/${name}`)).text();
        times.push({ name, ms: performance.now() - startedAt });
      }
    }
    expect(fixture.upstreamCalls().length).toBe(callCount);
    // Mann-Whitney U test: the deviation of the rank sum from its expected value, in standard deviations.
    const ranked = times.sort((a, b) => a.ms - b.ms);
    const sum = ranked.reduce((total, { name }, rank) => (name === 'user_bob' ? total + rank + 1 : total), 0);
    const n = times.length / 2;
    const deviations = (sum - (n * (2 * n + 1)) / 2) / Math.sqrt((n * n * (2 * n + 1)) / 12);
    expect(Math.abs(deviations)).toBeLessThan(5);
  });
});
