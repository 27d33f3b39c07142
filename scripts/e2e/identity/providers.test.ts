import { decodeSubject, encodeSubject, userDocumentId } from '../../../couchdb-design/user-document/user-document.ts';
import { createPreferencesStore } from '../../../client/index.ts';
import { createPreferencesStream } from '../../../client/stream.ts';
import type { ErrorResponse } from '../../../server/contract.ts';
import type { UserReport } from '../../../server/cli/users/user-report.ts';
import { runUsersCommand } from '../../../server/testing/run-users-command.ts';
import { startTestGate, type TestGate } from '../../../server/testing/test-gate.ts';
import { createInMemoryBrowser } from '../testing/test-server.ts';
import { waitForState } from '../testing/device.ts';
import { startIdentityProvider, type TestIdentityProvider } from './testing/identity-provider.ts';
import { issueNow, readProviderRecipe, type ProviderRecipe } from './testing/provider-recipe.ts';

/**
 * Tokens in the shape of each provider, with the settings of its page in docs/providers. `jwkMembers` are those that the
 * provider publishes with a key.
 */
const PROVIDERS = [
  { name: 'auth0', algorithm: 'RS256', jwkMembers: { use: 'sig', alg: 'RS256', x5c: [], x5t: 'x' } },
  { name: 'keycloak', algorithm: 'RS256', jwkMembers: { use: 'sig', alg: 'RS256', x5c: [], x5t: 'x' } },
  { name: 'firebase', algorithm: 'RS256', jwkMembers: { use: 'sig', alg: 'RS256' } },
  { name: 'entra', algorithm: 'RS256', jwkMembers: { use: 'sig', x5t: 'x', x5c: [], issuer: 'https://login' } },
  { name: 'cognito', algorithm: 'RS256', jwkMembers: { use: 'sig', alg: 'RS256' } },
  { name: 'supabase', algorithm: 'ES256', jwkMembers: { alg: 'ES256', key_ops: ['verify'], ext: true, use: 'sig' } },
] as const;

describe.each(PROVIDERS)('tokens in the shape of $name', ({ name, algorithm, jwkMembers }) => {
  let recipe: ProviderRecipe;
  let provider: TestIdentityProvider;
  let environment: Readonly<Record<string, string>>;
  let gate: TestGate;
  let subject: string;

  beforeAll(async () => {
    recipe = await readProviderRecipe(name);
    provider = await startIdentityProvider({ algorithm, kid: recipe.header.kid ?? '', jwkMembers });
    environment = { JWT_SECRET: '', REGISTRATION: '', ...recipe.settings, JWKS_URL: provider.jwksUrl };
    gate = await startTestGate(environment);
    subject = String(recipe.payload[recipe.settings['JWT_USERNAME_CLAIM'] ?? 'sub']);
  });
  afterAll(() => gate.close());

  const sign = (changes: object = {}): string =>
    provider.sign(recipe.header, { ...issueNow(recipe.payload), ...changes });
  const fetchProfile = (token: string): Promise<Response> =>
    fetch(`${gate.url}/api/users/profile`, { headers: { authorization: `Bearer ${token}` } });

  test('an edit of the client library is replicated, and every interface shows the subject', async () => {
    const getToken = (): Promise<string> => Promise.resolve(sign());
    const store = createPreferencesStore({
      url: gate.database,
      username: subject,
      getToken,
      openDatabase: createInMemoryBrowser(),
      environment: { storage: {} },
    });
    await waitForState(store, 'live');
    await store.set({ theme: 'dark' });
    await waitForState(store, 'live', 0);
    expect(store.username).toBe(subject);
    expect(await (await fetchProfile(sign())).json()).toMatchObject({
      username: subject,
      session: null,
      preferences: { theme: 'dark' },
    });

    const url = `${gate.url}/api/users/preferences/stream`;
    const stream = createPreferencesStream({ url, username: subject, getToken });
    await stream.ready;
    expect(stream.get().theme).toBe('dark');
    stream.close();
    await store.close();

    const username = encodeSubject(subject);
    if (username === undefined) throw new Error('not a subject');
    expect(await gate.registry().get(userDocumentId(username))).toMatchObject({ username });
    expect(decodeSubject(username)).toBe(subject);
    const show = ['show', subject, '--json'];
    const { code, stdout } = await runUsersCommand({ ...gate.upstream.env(), ...environment }, show);
    const report = JSON.parse(stdout) as UserReport;
    expect([code, report.username, report.document]).toMatchObject([0, subject, { preferences: { theme: 'dark' } }]);
  });

  test('a token of another issuer, for another application or without the name is refused with its code', async () => {
    const { JWT_AUDIENCE_CLAIM: audience = 'aud', JWT_USERNAME_CLAIM: claim = 'sub' } = recipe.settings;
    const cases = [
      ['token-wrong-issuer', sign({ iss: 'https://other.example' })],
      ['token-wrong-audience', sign({ [audience]: 'another-application' })],
      ['token-no-subject', sign({ [claim]: undefined })],
      ['token-expired', sign({ exp: Math.floor(Date.now() / 1000) - 1 })],
      ['token-unknown-key', provider.sign({ ...recipe.header, kid: 'unknown' }, issueNow(recipe.payload))],
      ['token-bad-signature', `${sign().slice(0, -8)}AAAAAAAA`],
    ] as const;
    for (const [code, token] of cases) {
      const response = await fetch(`${gate.database}/_changes`, { headers: { authorization: `Bearer ${token}` } });
      expect([code, response.status, (await response.json()) as ErrorResponse]).toEqual([
        code,
        401,
        { error: 'unauthorized', reason: expect.any(String) as string, code },
      ]);
      expect(response.headers.get('www-authenticate')).toMatch(
        /^Bearer error="invalid_token", error_description="[^"]+"$/,
      );
      expect(await (await fetchProfile(token)).json()).toMatchObject({ status: 401, error: 'unauthorized', code });
    }
  });
});
