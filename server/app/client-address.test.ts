import http from 'node:http';
import pino from 'pino';
import { eventually } from '../testing/fake-couchdb.ts';
import { startTestUpstream, type TestUpstream } from '../testing/test-database.ts';
import { startTestGate, type TestGate } from '../testing/test-gate.ts';

/** The addresses that the rate limits of registration count, on a whole server. Its peers are addresses of 127.0.0.0/8. */

const LIMIT = 2;
/** The warnings about forwarded addresses. */
const warnings: string[] = [];
const log = pino(
  { level: 'warn' },
  {
    write: (line) => {
      const { msg } = JSON.parse(line) as { msg: string };
      if (msg.includes('X-Forwarded-For')) warnings.push(msg);
    },
  },
);
let upstream: TestUpstream;
let gate: TestGate;
beforeAll(async () => {
  upstream = await startTestUpstream();
});
afterAll(() => upstream.close());

async function start(env: Readonly<Record<string, string>>): Promise<void> {
  warnings.length = 0;
  const registerByAddress = { windowMs: 60_000, limit: LIMIT };
  gate = await startTestGate({ ...env, REGISTRATION: 'open' }, { upstream, log, rateLimits: { registerByAddress } });
  await eventually(async () => (await fetch(`${gate.url}/readyz`)).ok);
}
afterEach(() => gate.close());

interface Origin {
  /** The address that the connection comes from. */
  readonly peer?: string;
  readonly forwardedFor?: string;
}

/** Sends one registration and resolves with the status. */
const register = ({ peer = '127.0.0.1', forwardedFor }: Origin): Promise<number> =>
  new Promise((resolve, reject) => {
    const headers = {
      'content-type': 'application/json',
      ...(forwardedFor === undefined ? {} : { 'x-forwarded-for': forwardedFor }),
    };
    const request = http.request(`${gate.url}/api/auth/register`, {
      method: 'POST',
      headers,
      localAddress: peer,
      agent: false,
    });
    request.on('error', reject);
    request.on('response', (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
    });
    request.end('{}');
  });

/** Whether registrations from these origins count as those of one client. */
async function areOneClient(origins: readonly [Origin, Origin, Origin]): Promise<boolean> {
  const statuses: number[] = [];
  for (const origin of origins) statuses.push(await register(origin));
  expect(statuses.slice(0, LIMIT)).toEqual([400, 400]);
  return statuses[LIMIT] === 429;
}

const forged = (n: number): string => `203.0.113.${n}`;

test('behind a proxy on loopback, the client is the last address that is not trusted', async () => {
  await start({ PUBLIC_URL: 'https://gate.example' });
  const through = (text: (n: number) => string): [Origin, Origin, Origin] => [
    { forwardedFor: text(1) },
    { forwardedFor: text(2) },
    { forwardedFor: text(3) },
  ];
  expect(await areOneClient(through((n) => `192.0.2.${n}`))).toBe(false);
  // A client sends the header itself, and the proxy appends the client's address.
  expect(await areOneClient(through((n) => `${forged(n)}, 192.0.2.10`))).toBe(true);
  expect(await areOneClient(through((n) => `${forged(n)}, 192.0.2.11, 127.0.0.1`))).toBe(true);
  // An address of a private network is a client like any other.
  expect(await areOneClient(through((n) => `${forged(n)}, 10.0.0.7`))).toBe(true);
  expect(await areOneClient(through((n) => `${forged(n)}, fd00::7`))).toBe(true);
  // The port is that of a connection.
  expect(await areOneClient(through((n) => `192.0.2.12:5000${n}`))).toBe(true);
  expect(await areOneClient(through((n) => `text ${n}`))).toBe(true);
  expect(warnings).toEqual([]);
});

test('TRUSTED_PROXIES replaces loopback, and no other peer can forge an address', async () => {
  await start({ PUBLIC_URL: 'https://gate.example', TRUSTED_PROXIES: '127.0.0.2, 10.0.0.0/8' });
  const from = (peer: string): [Origin, Origin, Origin] => [
    { peer, forwardedFor: `${forged(1)}, 10.0.0.1` },
    { peer, forwardedFor: `${forged(2)}, 10.0.0.2` },
    { peer, forwardedFor: `${forged(3)}, 10.0.0.3` },
  ];
  expect(await areOneClient(from('127.0.0.2'))).toBe(false);
  expect(warnings).toEqual([]);
  expect(await areOneClient(from('127.0.0.1'))).toBe(true);
  expect(warnings).toEqual([expect.stringContaining('from 127.0.0.1 was ignored')]);
  expect(warnings[0]).toContain('TRUSTED_PROXIES');
});

test('a proxy that forwards no address is reported once, and health checks are not', async () => {
  await start({ PUBLIC_URL: 'https://gate.example', TRUSTED_PROXIES: '127.0.0.2' });
  await fetch(`${gate.url}/api/auth/options`);
  expect(warnings).toEqual([]);
  expect(await areOneClient([{ peer: '127.0.0.2' }, { peer: '127.0.0.2' }, { peer: '127.0.0.2' }])).toBe(true);
  expect(warnings).toEqual([expect.stringContaining('the reverse proxy at 127.0.0.2 sends no X-Forwarded-For')]);
  await register({ peer: '127.0.0.3' });
  await register({ peer: '127.0.0.4' });
  expect(warnings.slice(1)).toEqual([expect.stringContaining('a request came from 127.0.0.3 without X-Forwarded-For')]);
});

test('without PUBLIC_URL nothing is reported', async () => {
  await start({});
  await register({});
  expect(warnings).toEqual([]);
});
