import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { ConfigError, readConfig } from './config.ts';

const SECRET = 's'.repeat(32);
const COUCHDB = {
  COUCHDB_URL: 'https://couch.example',
  COUCHDB_USER: 'gate',
  COUCHDB_PASSWORD: 'pw',
  JWT_SECRET: SECRET,
};
const pem = generateKeyPairSync('rsa', { modulusLength: 2048 })
  .publicKey.export({ type: 'spki', format: 'pem' })
  .toString();

/** The settings of an identity provider. */
const PROVIDER = { JWKS_URL: 'https://idp.example/keys', JWT_ISSUER: 'https://idp.example/', JWT_AUDIENCE: 'gate' };

const BOT = { TELEGRAM_BOT_TOKEN: `42:${'x'.repeat(35)}` };

const configErrorOf = (env: Record<string, string>): string => {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error('the configuration was accepted');
};

test('defaults to the embedded engine on loopback, with open registration and a stored secret', () => {
  expect(readConfig({})).toEqual({
    host: '127.0.0.1',
    idPrefix: 'user_',
    port: 4000,
    workers: 1,
    publicUrl: undefined,
    trustedProxies: ['loopback'],
    corsOrigins: [],
    logLevel: 'info',
    registry: 'user_registry',
    sessions: 'pouchgate_sessions',
    upstream: { kind: 'embedded', dataDirectory: './data' },
    tokens: {
      secret: { kind: 'kept', directory: './data' },
      provider: { kind: 'none' },
      usernameClaim: 'sub',
      issuer: undefined,
      audience: undefined,
      audienceClaim: 'aud',
      leewaySeconds: 30,
      maxLifetimeSeconds: 604_800,
    },
    registration: 'open',
    metrics: { host: '127.0.0.1', port: 9464 },
    drainLeadSeconds: 0,
    drainSeconds: 5,
    telegram: undefined,
  });
});

test('WORKERS is a number of processes', () => {
  expect(readConfig({ WORKERS: '4' }).workers).toBe(4);
});

test('METRICS_PORT selects a port, any free one, or none', () => {
  expect(readConfig({ METRICS_PORT: '0', METRICS_HOST: '::1' }).metrics).toEqual({ host: '::1', port: 0 });
  expect(readConfig({ METRICS_PORT: 'off' }).metrics).toBeUndefined();
  expect(readConfig({ DRAIN_SECONDS: '0.5' }).drainSeconds).toBe(0.5);
});

test('a bot token enables the bot, which polls api.telegram.org by default', () => {
  const token = BOT.TELEGRAM_BOT_TOKEN;
  expect(readConfig(BOT).telegram).toEqual({ token, apiRoot: 'https://api.telegram.org', webhook: undefined });
  const overrides = { TELEGRAM_API_ROOT: 'http://127.0.0.1:8081/', TELEGRAM_WEBHOOK: 'https://gate.example/' };
  const { telegram } = readConfig({ ...BOT, ...overrides });
  expect(telegram).toEqual({ token, apiRoot: 'http://127.0.0.1:8081', webhook: 'https://gate.example' });
});

test('an empty variable counts as unset', () => {
  const names = [
    'PORT',
    'COUCHDB_URL',
    'COUCHDB_USER',
    'JWT_SECRET',
    'JWKS_URL',
    'PUBLIC_URL',
    'CORS_ORIGINS',
    'LOG_LEVEL',
  ];
  expect(readConfig(Object.fromEntries(names.map((name) => [name, ''])))).toEqual(readConfig({}));
});

test('registration is closed by default with COUCHDB_URL', () => {
  expect(readConfig(COUCHDB).registration).toBe('closed');
  expect(readConfig({ ...COUCHDB, REGISTRATION: 'open' }).registration).toBe('open');
});

test('removes the trailing slash of COUCHDB_URL and decodes COUCHDB_JWT_SECRET', () => {
  const bytes = Buffer.alloc(32, 7);
  expect(
    readConfig({ ...COUCHDB, COUCHDB_URL: 'https://couch.example/db/', COUCHDB_JWT_SECRET: bytes.toString('base64') })
      .upstream,
  ).toEqual({
    kind: 'couchdb',
    access: { url: 'https://couch.example/db', username: 'gate', password: 'pw' },
    jwtSecret: bytes,
  });
});

test('reads the number of ids that CouchDB looks up by id', () => {
  expect(readConfig({ ...COUCHDB, COUCHDB_DOC_IDS_THRESHOLD: '10' }).upstream).toMatchObject({ docIdsThreshold: 10 });
  expect(readConfig(COUCHDB).upstream).toMatchObject({ docIdsThreshold: undefined });
});

test("has no signing secret when only an identity provider's keys are set", () => {
  const byKey = { ...COUCHDB, ...PROVIDER, JWKS_URL: '', JWT_SECRET: '', JWT_PUBLIC_KEY: pem.replaceAll('\n', '\\n') };
  expect(readConfig(byKey).tokens).toMatchObject({ secret: { kind: 'none' }, provider: { kind: 'public-key', pem } });
  expect(readConfig(PROVIDER).tokens).toMatchObject({
    secret: { kind: 'none' },
    provider: { kind: 'jwks', url: 'https://idp.example/keys' },
    issuer: 'https://idp.example/',
    audience: 'gate',
  });
});

test('the issuer and the audience of a provider are waived only by the word any', () => {
  const { tokens } = readConfig({ ...PROVIDER, JWT_ISSUER: 'any', JWT_AUDIENCE: 'any' });
  expect(tokens).toMatchObject({ issuer: undefined, audience: undefined });
  expect(readConfig({ ...PROVIDER, JWT_ISSUER: 'ANY' }).tokens.issuer).toBe('ANY');
});

test('accounts here and an identity provider together are refused, with each variable to unset', () => {
  const message = configErrorOf({ ...PROVIDER, JWT_SECRET: SECRET, REGISTRATION: 'open' });
  expect(message).toMatch(/^JWT_SECRET and JWKS_URL are both set, .*; unset JWT_SECRET .*, or unset JWKS_URL .*\.$/m);
  expect(message).toMatch(/^REGISTRATION is open, but JWKS_URL is set, .*; unset REGISTRATION, .*\.$/m);
  expect(readConfig({ ...PROVIDER, REGISTRATION: 'closed' }).tokens.secret).toEqual({ kind: 'none' });
});

test('normalises origins', () => {
  expect(readConfig({ CORS_ORIGINS: 'https://a.example, http://localhost:5173' }).corsOrigins).toEqual([
    'https://a.example',
    'http://localhost:5173',
  ]);
  expect(readConfig({ PUBLIC_URL: 'https://a.example/' }).publicUrl).toBe('https://a.example');
});

const privateKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
  type: 'pkcs8',
  format: 'pem',
});

test.each<[string, string, Record<string, string>]>([
  ['a port out of range', 'PORT', { PORT: '65536' }],
  ['a port that is not a number', 'PORT', { PORT: '4e3' }],
  ['no workers', 'WORKERS', { WORKERS: '0' }],
  ['more workers than a machine has cores', 'WORKERS', { WORKERS: '65' }],
  ['a host with a space', 'HOST', { HOST: 'a b' }],
  ['a URL with credentials in it', 'COUCHDB_URL', { ...COUCHDB, COUCHDB_URL: 'https://u:p@couch.example' }],
  ['a URL of another scheme', 'COUCHDB_URL', { ...COUCHDB, COUCHDB_URL: 'ftp://couch.example' }],
  ['a missing user', 'COUCHDB_USER', { ...COUCHDB, COUCHDB_USER: '' }],
  ['a missing password', 'COUCHDB_PASSWORD', { ...COUCHDB, COUCHDB_PASSWORD: '' }],
  ['a user without a CouchDB', 'COUCHDB_USER', { COUCHDB_USER: 'gate' }],
  ['neither a secret nor an identity provider', 'JWT_SECRET', { ...COUCHDB, JWT_SECRET: '' }],
  ['a short secret', 'JWT_SECRET', { JWT_SECRET: 's'.repeat(31) }],
  [
    'a short secret among those accepted',
    'JWT_SECRETS_ACCEPTED',
    { JWT_SECRET: SECRET, JWT_SECRETS_ACCEPTED: `${SECRET},short` },
  ],
  ['accepted secrets without a signing secret', 'JWT_SECRET', { JWT_SECRETS_ACCEPTED: SECRET }],
  [
    'a JWT key that is not base64',
    'COUCHDB_JWT_SECRET',
    { ...COUCHDB, COUCHDB_JWT_SECRET: 'not base64, but long enough to be a key' },
  ],
  ['a private key', 'JWT_PUBLIC_KEY', { ...PROVIDER, JWKS_URL: '', JWT_PUBLIC_KEY: privateKey.toString() }],
  ['an invalid key', 'JWT_PUBLIC_KEY', { ...PROVIDER, JWKS_URL: '', JWT_PUBLIC_KEY: 'abc' }],
  ['a remote JWKS URL without TLS', 'JWKS_URL', { ...PROVIDER, JWKS_URL: 'http://idp.example/keys' }],
  ['two providers', 'JWT_PUBLIC_KEY', { ...PROVIDER, JWT_PUBLIC_KEY: pem }],
  ['accounts beside a provider', 'JWT_SECRET', { ...PROVIDER, JWT_SECRET: SECRET }],
  ['registration beside a provider', 'REGISTRATION', { ...PROVIDER, REGISTRATION: 'open' }],
  ['a provider without an issuer', 'JWT_ISSUER', { ...PROVIDER, JWT_ISSUER: '' }],
  ['a provider without an audience', 'JWT_AUDIENCE', { ...PROVIDER, JWT_AUDIENCE: '' }],
  ['another claim for the audience', 'JWT_AUDIENCE_CLAIM', { ...PROVIDER, JWT_AUDIENCE_CLAIM: 'scope' }],
  ['a leeway of an hour', 'JWT_LEEWAY_SECONDS', { JWT_LEEWAY_SECONDS: '3600' }],
  ['a lifetime below that of own tokens', 'JWT_MAX_LIFETIME_SECONDS', { JWT_MAX_LIFETIME_SECONDS: '899' }],
  ['a lifetime above a year', 'JWT_MAX_LIFETIME_SECONDS', { JWT_MAX_LIFETIME_SECONDS: '31536001' }],
  ['a leeway that is not an integer', 'JWT_LEEWAY_SECONDS', { JWT_LEEWAY_SECONDS: '1.5' }],
  ['a threshold of no ids', 'COUCHDB_DOC_IDS_THRESHOLD', { ...COUCHDB, COUCHDB_DOC_IDS_THRESHOLD: '0' }],
  ['a threshold without a CouchDB', 'COUCHDB_DOC_IDS_THRESHOLD', { COUCHDB_DOC_IDS_THRESHOLD: '10' }],
  ['a claim with another meaning', 'JWT_USERNAME_CLAIM', { JWT_USERNAME_CLAIM: 'exp' }],
  ['a database name with a leading underscore', 'REGISTRY_DB', { REGISTRY_DB: '_users' }],
  ["the sessions' database", 'REGISTRY_DB', { REGISTRY_DB: 'pouchgate_sessions' }],
  ['the name of the registry for the sessions', 'REGISTRY_DB', { SESSIONS_DB: 'user_registry' }],
  ['one name for both databases', 'REGISTRY_DB', { REGISTRY_DB: 'one', SESSIONS_DB: 'one' }],
  ["the name of CouchDB's own database", 'SESSIONS_DB', { SESSIONS_DB: '_users' }],
  ['an id prefix with a leading underscore', 'ID_PREFIX', { ID_PREFIX: '_local' }],
  ['an id prefix with a quotation mark', 'ID_PREFIX', { ID_PREFIX: "a'b" }],
  ['an unknown kind of registration', 'REGISTRATION', { REGISTRATION: 'invited' }],
  ['a public URL with a path', 'PUBLIC_URL', { PUBLIC_URL: 'https://a.example/app' }],
  ['a host name as a trusted proxy', 'TRUSTED_PROXIES', { TRUSTED_PROXIES: 'proxy.example' }],
  ['a network of all addresses as trusted', 'TRUSTED_PROXIES', { TRUSTED_PROXIES: '10.0.0.1, 0.0.0.0/0' }],
  ['a wildcard origin', 'CORS_ORIGINS', { CORS_ORIGINS: '*' }],
  ['an opaque origin', 'CORS_ORIGINS', { CORS_ORIGINS: 'https://a.example,null' }],
  ['an invalid port for metrics', 'METRICS_PORT', { METRICS_PORT: 'on' }],
  ['a host for metrics with a path', 'METRICS_HOST', { METRICS_HOST: 'a/b' }],
  ['an invalid bot token', 'TELEGRAM_BOT_TOKEN', { TELEGRAM_BOT_TOKEN: 'abc' }],
  ['a Bot API server without TLS', 'TELEGRAM_API_ROOT', { ...BOT, TELEGRAM_API_ROOT: 'http://bots.example' }],
  ['a Bot API server without a bot', 'TELEGRAM_BOT_TOKEN', { TELEGRAM_API_ROOT: 'https://bots.example' }],
  ['a webhook without TLS', 'TELEGRAM_WEBHOOK', { ...BOT, TELEGRAM_WEBHOOK: 'http://gate.example' }],
  ['a webhook with a path', 'TELEGRAM_WEBHOOK', { ...BOT, TELEGRAM_WEBHOOK: 'https://gate.example/x' }],
  ['a webhook without a bot', 'TELEGRAM_BOT_TOKEN', { TELEGRAM_WEBHOOK: 'https://gate.example' }],
  ['a drain of an hour', 'DRAIN_SECONDS', { DRAIN_SECONDS: '3600' }],
  ['a drain lead time of an hour', 'DRAIN_LEAD_SECONDS', { DRAIN_LEAD_SECONDS: '3600' }],
  ['a negative drain', 'DRAIN_SECONDS', { DRAIN_SECONDS: '-1' }],
  ['an unknown log level', 'LOG_LEVEL', { LOG_LEVEL: 'loud' }],
])('rejects %s with a sentence that starts with the variable', (_what, name, env) => {
  expect(configErrorOf(env)).toMatch(new RegExp(`^${name} [^\\n]+\\.$`));
});

test('puts the signing secret before the accepted ones', () => {
  const others = ['a'.repeat(40), 'b'.repeat(40)];
  const { tokens } = readConfig({ ...COUCHDB, JWT_SECRETS_ACCEPTED: others.join(' , ') });
  expect(tokens.secret).toEqual({ kind: 'given', values: [SECRET, ...others] });
});

test('accepts a JWKS URL without TLS on loopback only', () => {
  for (const host of ['localhost:1', '127.0.0.1:1', '[::1]:1']) {
    expect(readConfig({ ...PROVIDER, JWKS_URL: `http://${host}/keys` }).tokens.provider).toEqual({
      kind: 'jwks',
      url: `http://${host}/keys`,
    });
  }
  expect(configErrorOf({ ...PROVIDER, JWKS_URL: 'http://127.0.0.1.example/keys' })).toMatch(/^JWKS_URL /);
});

test('reports all errors at once', () => {
  const message = configErrorOf({ PORT: 'x', LOG_LEVEL: 'x', JWT_SECRET: 'x', COUCHDB_URL: 'https://couch.example' });
  expect(message.split('\n').map((sentence) => sentence.split(' ')[0])).toEqual(
    expect.arrayContaining(['PORT', 'LOG_LEVEL', 'JWT_SECRET', 'COUCHDB_USER', 'COUCHDB_PASSWORD']),
  );
});

test('no message repeats the value, which may be a secret', () => {
  const names = [
    ...['COUCHDB_URL', 'COUCHDB_USER', 'COUCHDB_JWT_SECRET', 'JWT_SECRET', 'JWT_PUBLIC_KEY', 'JWKS_URL'],
    'TELEGRAM_BOT_TOKEN',
  ];
  fc.assert(
    fc.property(fc.constantFrom(...names), fc.string({ minLength: 8, maxLength: 20 }), (name, text) => {
      const value = `:${text}~`;
      expect(configErrorOf({ [name]: value })).not.toContain(value);
    }),
  );
});
