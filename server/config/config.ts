import { fieldsSchema, DEFAULT_DATABASE_NAMES, type Fields, type LOG_LEVELS } from './schema.ts';
import type { TrustedProxies } from '../http/trusted-proxies.ts';
import type { UpstreamAccess } from '../upstream/client.ts';

/** The validated configuration. Every default is filled in. */
export interface Config {
  readonly host: string;
  /** 0 selects any free port. */
  readonly port: number;
  /** The number of processes that share the port. */
  readonly workers: number;
  /** The origin at which browsers reach the server; `undefined` if it is the one that the server listens on. */
  readonly publicUrl: string | undefined;
  /** The reverse proxies whose `X-Forwarded-For` is trusted. */
  readonly trustedProxies: TrustedProxies;
  /** The origins of other sites whose pages may use the gate. */
  readonly corsOrigins: readonly string[];
  readonly logLevel: (typeof LOG_LEVELS)[number];
  /** The name of the database of user documents. */
  readonly registry: string;
  /** The name of the database of sessions and suspensions, which clients cannot access. */
  readonly sessions: string;
  /** The prefix of user documents' ids. */
  readonly idPrefix: string;
  readonly upstream: UpstreamConfig;
  readonly tokens: TokenConfig;
  readonly registration: 'open' | 'closed';
  /** The address of the metrics server; `undefined` if metrics are off. */
  readonly metrics: { readonly host: string; readonly port: number } | undefined;
  /** How long a stopping server still serves everything while `/readyz` is 503, in seconds. */
  readonly drainLeadSeconds: number;
  /** The time over which live requests are ended when the server stops, in seconds. */
  readonly drainSeconds: number;
  /** `undefined` if there is no bot. */
  readonly telegram: TelegramConfig | undefined;
}

export interface TelegramConfig {
  readonly token: string;
  /** The URL of the Bot API server, without a trailing slash. */
  readonly apiRoot: string;
  /** The origin to which Telegram sends updates; `undefined` polls for them. */
  readonly webhook: string | undefined;
}

type UpstreamConfig =
  | { readonly kind: 'embedded'; readonly dataDirectory: string }
  | {
      readonly kind: 'couchdb';
      readonly access: UpstreamAccess;
      /** The bytes of CouchDB's own JWT key, whose base64 is in its configuration. Users' requests are signed with it. */
      readonly jwtSecret: Buffer | undefined;
      /** The most ids that CouchDB looks up by id; `undefined` if it is the default of CouchDB's version. */
      readonly docIdsThreshold: number | undefined;
    };

/** The keys and claims of accepted tokens. */
export interface TokenConfig {
  /** The gate's own HS256 secrets. `kept`: generated at the first start and stored in a file. `none`: it issues no tokens. */
  readonly secret:
    /** The first secret signs; all of them verify. */
    | { readonly kind: 'given'; readonly values: readonly [string, ...string[]] }
    | { readonly kind: 'kept'; readonly directory: string }
    | { readonly kind: 'none' };
  /** Another identity provider's keys, for RS256 and ES256. */
  readonly provider:
    | { readonly kind: 'public-key'; readonly pem: string }
    | { readonly kind: 'jwks'; readonly url: string }
    | { readonly kind: 'none' };
  readonly usernameClaim: string;
  /** The required `iss`; `undefined` accepts any. */
  readonly issuer: string | undefined;
  /** A required value of `audienceClaim`; `undefined` accepts any. */
  readonly audience: string | undefined;
  readonly audienceClaim: Fields['JWT_AUDIENCE_CLAIM'];
  /** The tolerance for the clocks of this server and the issuer, at `exp` and `nbf`, in seconds. */
  readonly leewaySeconds: number;
  /** The longest time from `iat`, or from now, to `exp`, in seconds. */
  readonly maxLifetimeSeconds: number;
}

/** The environment is not a valid configuration. The message has one sentence per invalid variable. */
export class ConfigError extends Error {
  constructor(sentences: readonly string[]) {
    super(sentences.join('\n'));
    this.name = 'ConfigError';
  }
}

/**
 * Reads the environment variables that docs/configuration.md lists. An empty variable counts as unset.
 *
 * @param env - The environment, such as `process.env`.
 * @returns The validated configuration.
 * @throws ConfigError with a sentence for each invalid or missing variable.
 */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const set = Object.fromEntries(Object.entries(env).filter(([, text]) => text !== undefined && text !== ''));
  const read = fieldsSchema.safeParse(set);
  const invalid = (read.error?.issues ?? []).map((issue) => `${String(issue.path[0])} ${issue.message}.`);
  const messages = [...invalid, ...findContradictions(set)];
  if (!read.success || messages.length > 0) throw new ConfigError(messages);

  const fields = read.data;
  const upstream = upstreamOf(fields);
  return {
    host: fields.HOST,
    port: fields.PORT,
    workers: fields.WORKERS,
    publicUrl: fields.PUBLIC_URL,
    trustedProxies: fields.TRUSTED_PROXIES,
    corsOrigins: fields.CORS_ORIGINS,
    logLevel: fields.LOG_LEVEL,
    registry: fields.REGISTRY_DB,
    sessions: fields.SESSIONS_DB,
    idPrefix: fields.ID_PREFIX,
    upstream,
    tokens: {
      secret: secretOf(fields),
      provider: providerOf(fields),
      usernameClaim: fields.JWT_USERNAME_CLAIM,
      issuer: fields.JWT_ISSUER,
      audience: fields.JWT_AUDIENCE,
      audienceClaim: fields.JWT_AUDIENCE_CLAIM,
      leewaySeconds: fields.JWT_LEEWAY_SECONDS,
      maxLifetimeSeconds: fields.JWT_MAX_LIFETIME_SECONDS,
    },
    // A missing variable must not open a production server to everyone.
    registration: fields.REGISTRATION ?? (upstream.kind === 'embedded' ? 'open' : 'closed'),
    metrics: fields.METRICS_PORT === 'off' ? undefined : { host: fields.METRICS_HOST, port: fields.METRICS_PORT },
    drainLeadSeconds: fields.DRAIN_LEAD_SECONDS,
    drainSeconds: fields.DRAIN_SECONDS,
    telegram: telegramOf(fields),
  };
}

/** The variables that have a meaning with `COUCHDB_URL` only. */
const COUCHDB_VARIABLES = [
  'COUCHDB_USER',
  'COUCHDB_PASSWORD',
  'COUCHDB_JWT_SECRET',
  'COUCHDB_DOC_IDS_THRESHOLD',
] as const;

/** Checks variables against each other. It runs even if some are invalid, so that one start reports all errors. */
function findContradictions(env: Readonly<Record<string, string | undefined>>): string[] {
  const set = new Set(Object.keys(env));
  const {
    REGISTRY_DB: registry = DEFAULT_DATABASE_NAMES.registry,
    SESSIONS_DB: sessions = DEFAULT_DATABASE_NAMES.sessions,
  } = env;
  const messages: string[] = [];
  const requires = (name: string, sentence: string): void => {
    if (!set.has(name)) messages.push(`${name} ${sentence}`);
  };
  if (set.has('COUCHDB_URL')) {
    requires(
      'COUCHDB_USER',
      'is missing, but COUCHDB_URL is set; set it to the service account that "npm run setup" creates.',
    );
    requires('COUCHDB_PASSWORD', 'is missing, but COUCHDB_URL is set; set it to the password of COUCHDB_USER.');
    if (!set.has('JWT_PUBLIC_KEY') && !set.has('JWKS_URL')) {
      requires(
        'JWT_SECRET',
        'is missing, but COUCHDB_URL is set; set it to a secret that all gates share, or set JWT_PUBLIC_KEY or JWKS_URL of another identity provider.',
      );
    }
  } else {
    for (const name of COUCHDB_VARIABLES.filter((each) => set.has(each))) {
      messages.push(
        `${name} is set without COUCHDB_URL; set COUCHDB_URL too, or unset ${name} to use the embedded engine.`,
      );
    }
  }
  messages.push(...findProviderContradictions(env));
  if (set.has('JWT_SECRETS_ACCEPTED')) {
    requires('JWT_SECRET', 'is missing, but JWT_SECRETS_ACCEPTED is set; set it to the secret that signs new tokens.');
  }
  for (const name of ['TELEGRAM_API_ROOT', 'TELEGRAM_WEBHOOK'].filter((each) => set.has(each))) {
    requires('TELEGRAM_BOT_TOKEN', `is missing, but ${name} is set; set it to the bot's token, or unset ${name}.`);
  }
  if (registry === sessions) {
    messages.push(`REGISTRY_DB and SESSIONS_DB are both ${sessions}; set one of them to another name.`);
  }
  return messages;
}

/**
 * A deployment has one authority over names. With two, the account that someone registers here could have the name of another
 * person at the identity provider, and both would have one document.
 */
function findProviderContradictions(env: Readonly<Record<string, string | undefined>>): string[] {
  const [provider, other] = ['JWT_PUBLIC_KEY', 'JWKS_URL'].filter((name) => env[name] !== undefined);
  if (provider === undefined) return [];
  const messages: string[] = [];
  if (other !== undefined) {
    messages.push(`${provider} and ${other} are both set; unset one of them, so that one source of keys is left.`);
  }
  if (env['JWT_SECRET'] !== undefined) {
    messages.push(
      `JWT_SECRET and ${provider} are both set, so an account here and a user of the identity provider could have the same name and document; unset JWT_SECRET to sign in with the identity provider, or unset ${provider} to sign in with accounts.`,
    );
  }
  if (env['REGISTRATION'] === 'open') {
    messages.push(
      `REGISTRATION is open, but ${provider} is set, so users sign in with the identity provider; unset REGISTRATION, or unset ${provider} to sign in with accounts.`,
    );
  }
  if (env['JWT_ISSUER'] === undefined) {
    messages.push(
      `JWT_ISSUER is missing, but ${provider} is set; set it to the iss of the provider's tokens, or to any to accept every issuer that has one of its keys.`,
    );
  }
  if (env['JWT_AUDIENCE'] === undefined) {
    messages.push(
      `JWT_AUDIENCE is missing, but ${provider} is set; set it to the aud of the tokens for this deployment, or to any to accept the tokens that the provider issues for other applications too.`,
    );
  }
  return messages;
}

function upstreamOf(fields: Fields): UpstreamConfig {
  const { COUCHDB_URL: url, COUCHDB_USER: username = '', COUCHDB_PASSWORD: password = '' } = fields;
  return url === undefined
    ? { kind: 'embedded', dataDirectory: fields.DATA_DIR }
    : {
        kind: 'couchdb',
        access: { url: url.href.replace(/\/+$/, ''), username, password },
        jwtSecret: fields.COUCHDB_JWT_SECRET,
        docIdsThreshold: fields.COUCHDB_DOC_IDS_THRESHOLD,
      };
}

const telegramOf = (fields: Fields): TelegramConfig | undefined =>
  fields.TELEGRAM_BOT_TOKEN === undefined
    ? undefined
    : {
        token: fields.TELEGRAM_BOT_TOKEN,
        apiRoot: fields.TELEGRAM_API_ROOT.href.replace(/\/+$/, ''),
        webhook: fields.TELEGRAM_WEBHOOK,
      };

function secretOf(fields: Fields): TokenConfig['secret'] {
  if (fields.JWT_SECRET !== undefined) {
    return { kind: 'given', values: [fields.JWT_SECRET, ...fields.JWT_SECRETS_ACCEPTED] };
  }
  return providerOf(fields).kind === 'none' ? { kind: 'kept', directory: fields.DATA_DIR } : { kind: 'none' };
}

function providerOf(fields: Fields): TokenConfig['provider'] {
  if (fields.JWT_PUBLIC_KEY !== undefined) return { kind: 'public-key', pem: fields.JWT_PUBLIC_KEY };
  return fields.JWKS_URL === undefined ? { kind: 'none' } : { kind: 'jwks', url: fields.JWKS_URL.href };
}
