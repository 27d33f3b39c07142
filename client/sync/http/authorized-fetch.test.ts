import type { IncomingMessage } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { jsonHandler, createLoopbackServers } from '../../testing/loopback-server.ts';
import { createAuthorizedFetch, type TextResponse } from './authorized-fetch.ts';
import { createTokenSource, type GetToken } from './token-source.ts';

const loopback = createLoopbackServers();
afterEach(loopback.close);

type TestFetch = (
  url: string,
  init?: RequestInit,
  onText?: (text: string) => void,
) => Promise<TextResponse | undefined>;

function createTestFetch(
  getToken: GetToken = () => Promise.resolve('good'),
  signal = new AbortController().signal,
): TestFetch {
  const authorizedFetch = createAuthorizedFetch(globalThis.fetch, createTokenSource(getToken), signal);
  return (url, init = {}, onText = () => undefined) => authorizedFetch(url, init, onText);
}
const responseStatus = async (heard: Promise<TextResponse | undefined>): Promise<number | undefined> =>
  (await heard)?.response.status;
const unauthorized = { status: 401, body: { error: 'unauthorized', reason: 'No.' } };

test('the token goes in a header, never in the URL, and no cookie goes along', async () => {
  const seen: IncomingMessage[] = [];
  const url = await loopback.serve(
    jsonHandler((req) => {
      seen.push(req);
      return { body: {} };
    }),
  );
  await createTestFetch()(`${url}/r/`, { credentials: 'include' });
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
  const get = createTestFetch((refused) => {
    asked.push(refused);
    return Promise.resolve(refused === undefined ? 'old' : 'new');
  });
  expect(await responseStatus(get(`${url}/r/_revs_diff`, { method: 'POST', body: '{"a":[]}' }))).toBe(200);
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
  const get = createTestFetch((refused) => {
    if (refused !== undefined) renewals += 1;
    return Promise.resolve(refused === undefined && renewals === 0 ? 'old' : 'new');
  });
  const first = get(`${url}/late`);
  const others = await Promise.all([get(`${url}/a`), get(`${url}/b`), get(`${url}/c`)]);
  expect(others.map((heard) => heard?.response.status)).toEqual([200, 200, 200]);
  for (const end of late) end();
  expect(await responseStatus(first)).toBe(200);
  expect([late.length, renewals]).toEqual([1, 1]);
});

test('two refusals in a row, or no token at all, mean that the person has to sign in', async () => {
  let requests = 0;
  const url = await loopback.serve(
    jsonHandler(() => {
      requests += 1;
      return unauthorized;
    }),
  );
  expect(await createTestFetch()(`${url}/r/`)).toBeUndefined();
  expect(requests).toBe(2);
  expect(await createTestFetch(() => Promise.resolve(undefined))(`${url}/r/`)).toBeUndefined();
  expect(requests).toBe(2);
});

test('a 401 that is not the server’s own, as of a network that wants a sign-in for itself, is no reason to sign in here', async () => {
  const url = await loopback.serve((_req, res) => res.writeHead(401).end('<h1>Welcome to the hotel</h1>'));
  expect(await responseStatus(createTestFetch()(`${url}/r/_changes`))).toBe(401);
});

test('a token that cannot be had for want of a network is no reason to sign in', async () => {
  const get = createTestFetch(() => Promise.reject(new TypeError('Failed to fetch')));
  await expect(get('http://127.0.0.1:9/r/')).rejects.toThrow('Failed to fetch');
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
    await expect(createTestFetch()(`${url}/r/`)).rejects.toThrow();
    expect(reached).toBe(false);
  },
);

test('whoever ends the run ends its requests', async () => {
  const url = await loopback.serve(() => undefined);
  const run = new AbortController();
  const waiting = createTestFetch(undefined, run.signal)(`${url}/r/_changes`);
  run.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
});

test('and at once, also in the midst of the body', async () => {
  const url = await loopback.serve((_req, res) => res.write('{'));
  const run = new AbortController();
  const waiting = createTestFetch(undefined, run.signal)(`${url}/r/_changes`, {}, (text) => {
    if (text !== '') run.abort(new Error('enough'));
  });
  await expect(waiting).rejects.toThrow('enough');
});

test('whatever comes is told as it comes, heartbeat or not, from the headers on', async () => {
  const dribbled = ['', '{"results":[\n', '\n', '\n', '],"last_seq":"0"}'];
  const url = await loopback.serve((_req, res) => {
    res.flushHeaders();
    const rest = dribbled.slice(1);
    const timer = setInterval(() => {
      const part = rest.shift();
      if (part !== undefined) res.write(part);
      else {
        clearInterval(timer);
        res.end();
      }
    }, 20);
  });
  const heard: string[] = [];
  const answer = await createTestFetch()(`${url}/r/_changes`, {}, (soFar) => heard.push(soFar));
  expect(heard).toEqual(dribbled.map((_part, at) => dribbled.slice(0, at + 1).join('')));
  expect(answer?.text).toBe(heard.at(-1));
});

test('a character that comes in two pieces is read as one', async () => {
  const [first, second] = [Buffer.from('{"a":"ü"}').subarray(0, 7), Buffer.from('{"a":"ü"}').subarray(7)];
  const url = await loopback.serve((_req, res) => {
    res.write(first, () => setImmediate(() => res.end(second)));
  });
  expect((await createTestFetch()(`${url}/r/`))?.text).toBe('{"a":"ü"}');
});

test('a body that is cut off in its midst is no answer', async () => {
  const url = await loopback.serve((_req, res) => {
    res.write('{"results":[', () => setImmediate(() => res.destroy()));
  });
  await expect(createTestFetch()(`${url}/r/_changes`)).rejects.toThrow();
});

test('what was begun long ago is cut by the signal, and its connection closed', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  let open = 0;
  const url = await loopback.serve((req, res) => {
    open += 1;
    req.socket.once('close', () => (open -= 1));
    res.writeHead(200).flushHeaders();
  });
  const end = new AbortController();
  const begun = await new Promise<{ readonly cut: Promise<unknown> }>((resolve) => {
    const cut = createTestFetch(undefined, end.signal)(`${url}/r/_changes`, {}, () => resolve({ cut })).catch(
      (e: unknown) => e,
    );
  });
  // In several rounds, since what a finalizer lets go of is collected by the next.
  for (let round = 0; round < 3; round += 1) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
  end.abort();
  expect(await begun.cut).toMatchObject({ name: 'AbortError' });
  while (open > 0) await new Promise((resolve) => setImmediate(resolve));
});
