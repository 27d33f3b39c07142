/** The gate’s own reasons for refusing a token reach the status. Each token is as an identity provider would issue it. */
import jwt, { type SignOptions } from 'jsonwebtoken';
import type { SignInReason } from '../../../client/index.ts';
import { createDeviceFactory, waitForReason, waitForState } from '../testing/device.ts';
import { createInMemoryBrowser, startTestServer, type TestServer } from '../testing/test-server.ts';

let server: TestServer;
const devices = createDeviceFactory(() => server);
beforeAll(async () => {
  server = await startTestServer({ env: { JWT_ISSUER: 'https://id.example.org/', JWT_AUDIENCE: 'notes' } });
});
afterEach(devices.close);
afterAll(() => server.close());

const sign = (payload: object, options: SignOptions = {}, key = server.env()['JWT_SECRET'] ?? ''): string =>
  jwt.sign({ iss: 'https://id.example.org/', aud: 'notes', ...payload }, key, { expiresIn: 3_600, ...options });

test.each<[SignInReason, (user: string) => string]>([
  ['token-expired', (user) => sign({ sub: user }, { expiresIn: -120 })],
  ['token-not-yet-valid', (user) => sign({ sub: user }, { notBefore: 600 })],
  ['token-wrong-issuer', (user) => sign({ sub: user, iss: 'https://other.example.org/' })],
  ['token-wrong-audience', (user) => sign({ sub: user, aud: 'calendar' })],
  ['token-wrong-algorithm', (user) => sign({ sub: user }, { algorithm: 'HS512' })],
  ['token-bad-signature', (user) => sign({ sub: user }, {}, 'a secret of another server, and long enough for it')],
  ['token-no-subject', () => sign({})],
  ['token-too-long', (user) => sign({ sub: user, groups: 'x'.repeat(30_000) })],
  ['token-malformed', () => 'an-opaque-token'],
])('%s', async (reason, tokenOf) => {
  const user = devices.newUser();
  let isCorrected = false;
  const { store } = devices.open(user, createInMemoryBrowser(), {
    getToken: () => Promise.resolve(isCorrected ? sign({ sub: user }) : tokenOf(user)),
  });
  await waitForReason(store, 'sign-in-needed', reason);
  expect(store.status().reasons).toEqual([reason]);
  isCorrected = true;
  store.retry();
  await waitForState(store, 'live');
  expect(store.status().reasons).toEqual([]);
});
