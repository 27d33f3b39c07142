import type { IncomingMessage } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { jsonHandler, createLoopbackServers } from '../../testing/loopback-server.ts';
import { createAuthorizedFetch, type TextResponse } from './authorized-fetch.ts';
import { TOKEN_REFUSAL_CODES } from '../../../server/contract.ts';
import { createTokenSource, type GetToken } from './token-source.ts';

const loopback = createLoopbackServers();
afterEach(loopback.close);

type TestFetch = (url: string, init?: RequestInit, onText?: (text: string) => void) => Promise<TextResponse>;

function createTestFetch(
  getToken: GetToken = () => Promise.resolve('good'),
  signal = new AbortController().signal,
): TestFetch {
  const authorizedFetch = createAuthorizedFetch(globalThis.fetch, createTokenSource(getToken), signal);
  return (url, init = {}, onText = () => undefined) => authorizedFetch(url, init, onText);
}
const responseStatus = async (result: Promise<TextResponse>): Promise<number> => (await result).response.status;
const unauthorized = { status: 401, body: { error: 'unauthorized', reason: 'No.' } };

test('sends the token in a header, never in the URL, and sends no cookie', async () => {
  const requests: IncomingMessage[] = [];
  const url = await loopback.serve(
    jsonHandler((req) => {
      requests.push(req);
      return { body: {} };
    }),
  );
  await createTestFetch()(`${url}/r/`, { credentials: 'include' });
  expect(requests[0]?.headers.authorization).toBe('Bearer good');
  expect(requests[0]?.url).toBe('/r/');
  expect(requests[0]?.headers.cookie).toBeUndefined();
});

test('renews a rejected token once and repeats the request with its body', async () => {
  const bodies: string[] = [];
  const url = await loopback.serve((req, res) => {
    void (async () => {
      let body = '';
      for await (const chunk of req) body += String(chunk);
      bodies.push(`${req.headers.authorization ?? ''} ${body}`);
      res.writeHead(req.headers.authorization === 'Bearer new' ? 200 : 401).end('{"error":"unauthorized"}');
    })();
  });
  const rejectedTokens: (string | undefined)[] = [];
  const get = createTestFetch((refused) => {
    rejectedTokens.push(refused);
    return Promise.resolve(refused === undefined ? 'old' : 'new');
  });
  expect(await responseStatus(get(`${url}/r/_revs_diff`, { method: 'POST', body: '{"a":[]}' }))).toBe(200);
  expect(rejectedTokens).toEqual([undefined, 'old']);
  expect(bodies).toEqual(['Bearer old {"a":[]}', 'Bearer new {"a":[]}']);
});

test('requests that are rejected before and after a renewal share it', async () => {
  const lateResponses: (() => void)[] = [];
  const url = await loopback.serve((req, res) => {
    const isNew = req.headers.authorization === 'Bearer new';
    const end = (): void => void res.writeHead(isNew ? 200 : 401).end('{"error":"unauthorized"}');
    if (req.url === '/late' && !isNew) lateResponses.push(end);
    else end();
  });
  let renewals = 0;
  const get = createTestFetch((refused) => {
    if (refused !== undefined) renewals += 1;
    return Promise.resolve(refused === undefined && renewals === 0 ? 'old' : 'new');
  });
  const first = get(`${url}/late`);
  const others = await Promise.all([get(`${url}/a`), get(`${url}/b`), get(`${url}/c`)]);
  expect(others.map((result) => result.response.status)).toEqual([200, 200, 200]);
  for (const end of lateResponses) end();
  expect(await responseStatus(first)).toBe(200);
  expect([lateResponses.length, renewals]).toEqual([1, 1]);
});

test('rejects with the server’s code after two rejected tokens in a row, and without a token', async () => {
  let requests = 0;
  let code: object = {};
  const url = await loopback.serve(
    jsonHandler(() => {
      requests += 1;
      return { ...unauthorized, body: { ...unauthorized.body, ...code } };
    }),
  );
  const needsSignIn = (reason: string): unknown => expect.objectContaining({ reason });
  await expect(createTestFetch()(`${url}/r/`)).rejects.toEqual(needsSignIn('token-rejected'));
  expect(requests).toBe(2);
  const without = createTestFetch(() => Promise.resolve(undefined));
  await expect(without(`${url}/r/`)).rejects.toEqual(needsSignIn('not-signed-in'));
  expect(requests).toBe(2);
  for (const known of TOKEN_REFUSAL_CODES) {
    code = { code: known };
    await expect(createTestFetch()(`${url}/r/`)).rejects.toEqual(needsSignIn(known));
    // The application has no other token than the rejected one.
    const once = createTestFetch((refused) => Promise.resolve(refused === undefined ? 'good' : undefined));
    await expect(once(`${url}/r/`)).rejects.toEqual(needsSignIn(known));
  }
  code = { code: 'unknown' };
  await expect(createTestFetch()(`${url}/r/`)).rejects.toEqual(needsSignIn('token-rejected'));
});

test('returns the 401 of a captive portal as a response, without requiring sign-in', async () => {
  const url = await loopback.serve((_req, res) => res.writeHead(401).end('<h1>Welcome to the hotel</h1>'));
  expect(await responseStatus(createTestFetch()(`${url}/r/_changes`))).toBe(401);
});

test('rejects when getToken fails without a network', async () => {
  const get = createTestFetch(() => Promise.reject(new TypeError('Failed to fetch')));
  await expect(get('http://127.0.0.1:9/r/')).rejects.toThrow('Failed to fetch');
});

test.each([301, 302, 303, 307, 308])(
  'does not follow a redirect (%i), so that the token is not sent elsewhere',
  async (status) => {
    let reached = false;
    const elsewhere = await loopback.serve((_req, res) => {
      reached = true;
      res.end('{}');
    });
    const url = await loopback.serve((_req, res) => res.writeHead(status, { location: elsewhere }).end());
    expect(await responseStatus(createTestFetch()(`${url}/r/`))).toBe(status);
    expect(reached).toBe(false);
  },
);

test('the signal of the run aborts its requests', async () => {
  const url = await loopback.serve(() => undefined);
  const controller = new AbortController();
  const request = createTestFetch(undefined, controller.signal)(`${url}/r/_changes`);
  controller.abort(new Error('aborted by the test'));
  await expect(request).rejects.toThrow('aborted by the test');
});

test('the signal of the run aborts a request while its body arrives', async () => {
  const url = await loopback.serve((_req, res) => res.write('{'));
  const controller = new AbortController();
  const request = createTestFetch(undefined, controller.signal)(`${url}/r/_changes`, {}, (text) => {
    if (text !== '') controller.abort(new Error('aborted by the test'));
  });
  await expect(request).rejects.toThrow('aborted by the test');
});

test('calls onText at the headers and at every chunk, heartbeats included', async () => {
  const chunks = ['', '{"results":[\n', '\n', '\n', '],"last_seq":"0"}'];
  const url = await loopback.serve((_req, res) => {
    res.flushHeaders();
    const remaining = chunks.slice(1);
    const timer = setInterval(() => {
      const chunk = remaining.shift();
      if (chunk !== undefined) res.write(chunk);
      else {
        clearInterval(timer);
        res.end();
      }
    }, 20);
  });
  const texts: string[] = [];
  const result = await createTestFetch()(`${url}/r/_changes`, {}, (text) => texts.push(text));
  expect(texts).toEqual(chunks.map((_chunk, index) => chunks.slice(0, index + 1).join('')));
  expect(result.text).toBe(texts.at(-1));
});

test('decodes a character that is split over two chunks', async () => {
  const [first, second] = [Buffer.from('{"a":"ü"}').subarray(0, 7), Buffer.from('{"a":"ü"}').subarray(7)];
  const url = await loopback.serve((_req, res) => {
    res.write(first, () => setImmediate(() => res.end(second)));
  });
  expect((await createTestFetch()(`${url}/r/`)).text).toBe('{"a":"ü"}');
});

test('rejects when the connection is closed within the body', async () => {
  const url = await loopback.serve((_req, res) => {
    res.write('{"results":[', () => setImmediate(() => res.destroy()));
  });
  await expect(createTestFetch()(`${url}/r/_changes`)).rejects.toThrow();
});

test('the signal aborts a response after a garbage collection, and closes its connection', async () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  let openConnections = 0;
  const url = await loopback.serve((req, res) => {
    openConnections += 1;
    req.socket.once('close', () => (openConnections -= 1));
    res.writeHead(200).flushHeaders();
  });
  const controller = new AbortController();
  const started = await new Promise<{ readonly request: Promise<unknown> }>((resolve) => {
    const request = createTestFetch(undefined, controller.signal)(`${url}/r/_changes`, {}, () =>
      resolve({ request }),
    ).catch((error: unknown) => error);
  });
  // Several rounds: objects that a finalizer releases are collected in the next one.
  for (let round = 0; round < 3; round += 1) {
    collectGarbage();
    await new Promise((resolve) => setImmediate(resolve));
  }
  controller.abort();
  expect(await started.request).toMatchObject({ name: 'AbortError' });
  while (openConnections > 0) await new Promise((resolve) => setImmediate(resolve));
});
