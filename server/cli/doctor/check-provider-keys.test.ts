import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { listenOnFreePort } from '../../testing/test-identity.ts';
import { doctorCommand } from './command.ts';

const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const key = (alg: string) => ({ ...publicKey.export({ format: 'jwk' }), kid: 'k', use: 'sig', alg });
const { publicKey: shortPublicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
const shortKey = { ...shortPublicKey.export({ format: 'jwk' }), kid: 'short', use: 'sig', alg: 'RS256' };

/** Runs the doctor with a provider at this URL. The embedded engine needs no other check. */
async function runDoctor(url: string): Promise<{ code: number; lines: string }> {
  const lines: string[] = [];
  const print = (line: string): void => void lines.push(line);
  const env = { JWKS_URL: url, JWT_ISSUER: 'https://idp.example', JWT_AUDIENCE: 'preferences' };
  const code = await doctorCommand({ argv: [], env, print, printError: print });
  return { code, lines: lines.join('\n') };
}

async function withProvider<T>(status: number, body: unknown, use: (url: string) => Promise<T>): Promise<T> {
  const server = createServer((_req, res) => res.writeHead(status).end(JSON.stringify(body)));
  const port = await listenOnFreePort(server);
  try {
    return await use(`http://127.0.0.1:${port}/keys`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

test.each([
  ['a wrong path', 404, 'Not found', 'cannot be read (status 404)'],
  ['the discovery document', 200, { jwks_uri: 'https://idp.example/keys' }, '(the response is not a key set)'],
  ['an empty set', 200, { keys: [] }, '(no key for signatures)'],
  ['a short RSA key', 200, { keys: [key('RS256'), shortKey] }, 'fewer than 2,048 bits, which are refused: 1'],
  ['keys of another algorithm', 200, { keys: [key('RS512')] }, 'has no key for RS256 or ES256'],
])('a JWKS_URL with %s is a fault', async (_name, status, body, excerpt) => {
  const { code, lines } = await withProvider(status, body, runDoctor);
  expect([code, lines]).toEqual([1, expect.stringContaining(excerpt)]);
});

test('an unreachable JWKS_URL is a fault', async () => {
  const url = await withProvider(200, {}, (each) => Promise.resolve(each));
  expect(await runDoctor(url)).toEqual({ code: 1, lines: expect.stringContaining('(ECONNREFUSED)') as string });
});

test('a key set with a usable key is good', async () => {
  const keys = [key('RS256'), key('RS512')];
  expect(await withProvider(200, { keys }, runDoctor)).toEqual({
    code: 0,
    lines: expect.stringMatching(/good +The key set of JWKS_URL has keys for RS256 or ES256: 1\./) as string,
  });
});
