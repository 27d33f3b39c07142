import { MAX_WAIT_MS } from '../../../couchdb-design/testing/patience.ts';
import http from 'node:http';
import fc from 'fast-check';
import { newUserDocument, parseUsername, type Username } from '../../../couchdb-design/user-document/user-document.ts';
import { startTestGate, type TestGate } from '../../../server/testing/test-gate.ts';

/**
 * Attacks of another signed-in user on the REST API and the stream: ids, paths, headers and bodies that name the victim in
 * every place that a server may read. No response contains the victim's data, nothing of theirs changes, and no upstream
 * request is about them.
 */

const SECRET = 'a-secret-passion';
const RUNS = Number(process.env['ATTACK_RUNS'] ?? 2_000);

let gate: TestGate;
let victim: Username;
let mallory: Username;
beforeAll(async () => {
  gate = await startTestGate({ REGISTRATION: 'open' });
  victim = parseUsername(gate.upstream.accountName('victim')) as Username;
  mallory = parseUsername(gate.upstream.accountName('mallory')) as Username;
  const document = { ...newUserDocument(victim, new Date(0)), preferences: { selectedTags: [SECRET] } };
  await gate.upstream.registry().insert(document);
});
afterAll(() => gate.close());

interface Attack {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

/** Sends a request without normalizing the path or the headers. A stream is read up to its first update. */
function send({ method, path, headers, body }: Attack): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(gate.url);
    const request = http.request({ hostname, port, method, path, headers, agent: false }, (response) => {
      let text = `${JSON.stringify(response.headers)}\n`;
      const done = (): void => resolve({ status: response.statusCode ?? 0, text });
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
        if (response.headers['content-type'] === 'text/event-stream' && text.includes('"preferences":')) {
          request.destroy();
          done();
        }
      });
      response.on('end', done).on('error', done);
    });
    request.setTimeout(MAX_WAIT_MS, () =>
      request.destroy(new Error(`No response to ${JSON.stringify([method, path, headers])}`)),
    );
    request.on('error', reject);
    if (body !== undefined) request.write(body);
    request.end();
  });
}

const victimReference = (): fc.Arbitrary<string> =>
  fc.constantFrom(
    victim,
    `user_${victim}`,
    `../${victim}`,
    `%2e%2e%2f${victim}`,
    `${victim}%00`,
    encodeURIComponent(`user_${victim}`),
    `${mallory},${victim}`,
  );
const path = (): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.constantFrom('/api/users', '/api/users/', '/API/users', '//api/users', '/api/./users', '/api/users/../users'),
      fc.constantFrom(
        '/profile',
        '/preferences',
        '/preferences/',
        '/preferences/stream',
        '/preferences/selectedTags',
        '/telegram',
        '',
      ),
      fc.oneof(
        fc.constant(''),
        victimReference().map((name) => `/${name}`),
      ),
      fc.oneof(
        fc.constant(''),
        fc
          .tuple(
            fc.constantFrom('username', 'user', 'sub', 'id', 'name', 'doc_ids', 'as', 'filter', '_id', 'access_token'),
            victimReference(),
          )
          .map(([key, name]) => `?${key}=${name}`),
      ),
    )
    .map((parts) => parts.join(''));
const header = (): fc.Arbitrary<readonly [string, string]> =>
  fc.tuple(
    fc.constantFrom(
      'x-user',
      'x-username',
      'x-forwarded-user',
      'x-auth-couchdb-username',
      'x-auth-couchdb-roles',
      'x-remote-user',
      'x-http-method-override',
      'last-event-id',
      'if-match',
      'if-none-match',
      'cookie',
      'forwarded',
      'x-original-url',
      'x-rewrite-url',
      'content-location',
      'referer',
    ),
    fc.oneof(
      victimReference(),
      fc.constantFrom('_admin', 'PUT', '*', 'pouchgate_refresh=x', `AuthSession=${'x'.repeat(20)}`),
    ),
  );
const member = (): fc.Arbitrary<readonly [string, unknown]> =>
  fc.tuple(
    fc.constantFrom(
      '_id',
      '_rev',
      'username',
      'type',
      'version',
      'edits',
      'preferences',
      '__proto__',
      'constructor',
      'theme',
      'selectedTags',
      '_deleted',
      '_attachments',
      'user',
    ),
    fc.oneof(victimReference(), fc.constantFrom<unknown>(null, true, 'dark', [], {}, { _id: 'x' }, ['mine'])),
  );
const attack = (): fc.Arbitrary<Attack> =>
  fc
    .record({
      method: fc.constantFrom('GET', 'GET', 'HEAD', 'PATCH', 'PUT', 'DELETE', 'POST', 'OPTIONS', 'COPY'),
      path: path(),
      extra: fc.array(header(), { maxLength: 3 }),
      type: fc.constantFrom(
        'application/json',
        'application/merge-patch+json',
        'application/json; charset=utf-16',
        'text/plain',
        'application/x-www-form-urlencoded',
      ),
      body: fc.option(
        fc.oneof(
          fc.array(member(), { maxLength: 4 }).map((members) => JSON.stringify(Object.fromEntries(members))),
          victimReference().map((name) => JSON.stringify(name)),
          fc.jsonValue().map((value) => JSON.stringify(value)),
          fc.string(),
        ),
        { nil: undefined },
      ),
    })
    .map(({ method, path: target, extra, type, body }) => ({
      method,
      path: target,
      headers: {
        ...Object.fromEntries(extra),
        authorization: `Bearer ${gate.token(mallory)}`,
        ...(body === undefined ? {} : { 'content-type': type, 'content-length': String(Buffer.byteLength(body)) }),
      },
      body: method === 'GET' || method === 'HEAD' ? undefined : body,
    }));

test(`${RUNS} attacks on the REST API and the stream neither reveal nor change the victim’s data, nor cause upstream requests about it`, async () => {
  const before = await gate.upstream.registry().get(`user_${victim}`);
  const requestCount = gate.upstreamRequests.length;
  const statuses = new Set<number>();
  await fc.assert(
    fc.asyncProperty(attack(), async (each) => {
      const { status, text } = await send(
        each.body === undefined ? { ...each, headers: withoutLength(each.headers) } : each,
      );
      statuses.add(status);
      expect(text).not.toContain(SECRET);
      expect(status).toBeLessThan(500);
    }),
    { numRuns: RUNS },
  );
  expect(await gate.upstream.registry().get(`user_${victim}`)).toEqual(before);
  // The feed's requests name no user.
  const aboutVictim = gate.upstreamRequests
    .slice(requestCount)
    .filter(
      ({ url, body }) => decodeURIComponent(url).includes(victim) || new RegExp(`"_id":"[^"]*${victim}`).test(body),
    );
  expect(aboutVictim).toEqual([]);
  // Some were valid requests about mallory's own document.
  expect(statuses).toContain(200);
  expect([...statuses].filter((status) => status >= 400).length).toBeGreaterThan(2);
});

const withoutLength = (headers: Attack['headers']): Attack['headers'] =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith('content-')));

test('mallory’s own document contains only mallory’s data', async () => {
  const document = await gate.upstream.registry().get(`user_${mallory}`);
  expect(Object.keys(document).sort()).toEqual(
    ['_id', '_rev', 'created_at', 'edits', 'preferences', 'type', 'updated_at', 'username', 'version'].sort(),
  );
  expect(document).toMatchObject({ username: mallory, type: 'user_preferences' });
});

test('a stream opened with another user’s state as Last-Event-ID sends the own preferences', async () => {
  const response = await fetch(`${gate.url}/api/users/preferences`, {
    headers: { authorization: `Bearer ${gate.token(victim)}` },
  });
  const state = JSON.parse(response.headers.get('etag') ?? '""') as string;
  expect(await response.text()).toContain(SECRET);
  const { text } = await send({
    method: 'GET',
    path: '/api/users/preferences/stream',
    headers: { authorization: `Bearer ${gate.token(mallory)}`, 'last-event-id': state },
    body: undefined,
  });
  expect(text).toContain(`"username":"${mallory}"`);
  expect(text).not.toContain(SECRET);
  const refused = await send({
    method: 'PATCH',
    path: '/api/users/preferences',
    headers: {
      authorization: `Bearer ${gate.token(mallory)}`,
      'if-match': `"${state}"`,
      'content-type': 'application/json',
    },
    body: '{"theme":"dark"}',
  });
  expect(refused.status).toBe(412);
});
