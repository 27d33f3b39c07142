import type { IncomingMessage } from 'node:http';
import { answering, openLoopback } from './loopback.ts';
import { createSyncFetch, type SyncFetchOptions } from './sync-fetch.ts';
import { createTokens, type GetToken } from './tokens.ts';

const loopback = openLoopback();
afterEach(loopback.close);

/** `get`, and what was told of signing in. */
function asking(
  getToken: GetToken = () => Promise.resolve('good'),
  options: Partial<SyncFetchOptions> = {},
): { readonly get: (url: string, init?: RequestInit) => Promise<Response>; readonly told: () => number } {
  let told = 0;
  const ask = createSyncFetch({
    fetch: globalThis.fetch,
    tokens: createTokens(getToken, 5_000),
    silence: 5_000,
    signal: new AbortController().signal,
    onHeard: () => undefined,
    onSignInNeeded: () => (told += 1),
    ...options,
  });
  return {
    told: () => told,
    get: async (url, init = {}) => (await ask(url, init, () => undefined)).response,
  };
}
const unauthorized = { status: 401, body: { error: 'unauthorized', reason: 'No.' } };

test('the token goes in a header, never in the URL, and no cookie goes along', async () => {
  const seen: IncomingMessage[] = [];
  const url = await loopback.serve(
    answering((req) => {
      seen.push(req);
      return { body: {} };
    }),
  );
  await asking().get(`${url}/r/`, { credentials: 'include' });
  expect(seen[0]?.headers.authorization).toBe('Bearer good');
  expect(seen[0]?.url).toBe('/r/');
  expect(seen[0]?.headers.cookie).toBeUndefined();
});

test('a refused token is renewed once and the request sent again, body and all', async () => {
  const bodies: string[] = [];
  const url = await loopback.serve((req, res) => {
    void (async () => {
      let body = '';
      for await (const part of req) body += String(part);
      bodies.push(`${req.headers.authorization ?? ''} ${body}`);
      res.writeHead(req.headers.authorization === 'Bearer new' ? 200 : 401).end('{"error":"unauthorized"}');
    })();
  });
  const asked: (string | undefined)[] = [];
  const { get } = asking((refused) => {
    asked.push(refused);
    return Promise.resolve(refused === undefined ? 'old' : 'new');
  });
  const response = await get(`${url}/r/_revs_diff`, { method: 'POST', body: '{"a":[]}' });
  expect(response.status).toBe(200);
  expect(asked).toEqual([undefined, 'old']);
  expect(bodies).toEqual(['Bearer old {"a":[]}', 'Bearer new {"a":[]}']);
});

test('requests that are refused at different times, some after the renewal, renew the token once', async () => {
  const late: (() => void)[] = [];
  const url = await loopback.serve((req, res) => {
    const isNew = req.headers.authorization === 'Bearer new';
    const end = (): void => void res.writeHead(isNew ? 200 : 401).end('{"error":"unauthorized"}');
    if (req.url === '/late' && !isNew) late.push(end);
    else end();
  });
  let renewals = 0;
  const { get } = asking((refused) => {
    if (refused !== undefined) renewals += 1;
    return Promise.resolve(refused === undefined && renewals === 0 ? 'old' : 'new');
  });
  const first = get(`${url}/late`);
  const others = await Promise.all([get(`${url}/a`), get(`${url}/b`), get(`${url}/c`)]);
  expect(others.map(({ status }) => status)).toEqual([200, 200, 200]);
  for (const end of late) end();
  expect((await first).status).toBe(200);
  expect([late.length, renewals]).toEqual([1, 1]);
});

test('two refusals in a row, or no token at all, mean that the person has to sign in', async () => {
  let requests = 0;
  const url = await loopback.serve(
    answering(() => {
      requests += 1;
      return unauthorized;
    }),
  );
  const refused = asking();
  await expect(refused.get(`${url}/r/`)).rejects.toThrow('Sign in again');
  expect([requests, refused.told()]).toEqual([2, 1]);
  const none = asking(() => Promise.resolve(undefined));
  await expect(none.get(`${url}/r/`)).rejects.toThrow('Sign in again');
  expect([requests, none.told()]).toEqual([2, 1]);
});

test('a 401 that is not the server’s own, as of a network that wants a sign-in for itself, is no reason to sign in here', async () => {
  const url = await loopback.serve((_req, res) => res.writeHead(401).end('<h1>Welcome to the hotel</h1>'));
  const { get, told } = asking();
  expect((await get(`${url}/r/_changes`)).status).toBe(401);
  expect(told()).toBe(0);
});

test('a token that cannot be had for want of a network is no reason to sign in', async () => {
  const { get, told } = asking(() => Promise.reject(new TypeError('Failed to fetch')));
  await expect(get('http://127.0.0.1:9/r/')).rejects.toThrow('Failed to fetch');
  expect(told()).toBe(0);
});

test.each([301, 302, 303, 307, 308])(
  'a redirect (%i) is not followed: the token stays where it was meant for',
  async (status) => {
    let reached = false;
    const elsewhere = await loopback.serve((_req, res) => {
      reached = true;
      res.end('{}');
    });
    const url = await loopback.serve((_req, res) => res.writeHead(status, { location: elsewhere }).end());
    await expect(asking().get(`${url}/r/`)).rejects.toThrow();
    expect(reached).toBe(false);
  },
);

test('whoever ends the run ends its requests', async () => {
  const url = await loopback.serve(() => undefined);
  const run = new AbortController();
  const waiting = asking(undefined, { signal: run.signal }).get(`${url}/r/_changes`);
  run.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
});
