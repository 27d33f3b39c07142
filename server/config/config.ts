import { fieldsSchema, DEFAULT_DATABASE_NAMES, type Fields, type LOG_LEVELS } from './schema.ts';
import type { UpstreamAccess } from '../upstream/client.ts';

/** What the environment asks for, checked. Everything optional is spelled out, so that nobody has to know a default. */
export interface Config {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Where browsers reach the server, as an origin; unknown when it is not behind another name. */
  readonly publicUrl: string | undefined;
  /** Other origins whose pages may use the gate. */
  readonly corsOrigins: readonly string[];
  readonly logLevel: (typeof LOG_LEVELS)[number];
  readonly registry: string;
  /** The database of sessions and suspensions, which no client ever names. */
  readonly sessions: string;
  /** What user documents' ids begin with. */
  readonly idPrefix: string;
  readonly upstream: UpstreamConfig;
  readonly tokens: TokenConfig;
  readonly registration: 'open' | 'closed';
  /** Where Prometheus asks; undefined: nowhere. */
  readonly metrics: { readonly host: string; readonly port: number } | undefined;
  /** Over how long live requests are ended when the server stops, in s. */
  readonly drainSeconds: number;
  /** Undefined: there is no bot. */
  readonly telegram: TelegramConfig | undefined;
}

export interface TelegramConfig {
  readonly token: string;
  /** The Bot API server, without a slash at the end. */
  readonly apiRoot: string;
  /** The origin at which Telegram brings updates; undefined: it is asked for them. */
  readonly webhook: string | undefined;
}

type UpstreamConfig =
  | { readonly kind: 'embedded'; readonly dataDirectory: string }
  | {
      readonly kind: 'couchdb';
      readonly access: UpstreamAccess;
      /** The bytes of CouchDB's own JWT key (its configuration holds their base64), to act as a user. */
      readonly jwtSecret: Buffer | undefined;
    };

/** Whose tokens the gate believes. */
export interface TokenConfig {
  /** The gate's own HS256 secret: given, kept in a file made at the first start, or none, and then it issues no tokens. */
  readonly secret:
    /** The first one signs; all are believed. */
    | { readonly kind: 'given'; readonly values: readonly [string, ...string[]] }
    | { readonly kind: 'kept'; readonly directory: string }
    | { readonly kind: 'none' };
  /** Another identity provider's keys, for RS256 and ES256. */
  readonly provider:
    | { readonly kind: 'public-key'; readonly pem: string }
    | { readonly kind: 'jwks'; readonly url: string }
    | { readonly kind: 'none' };
  readonly usernameClaim: string;
  readonly issuer: string | undefined;
  readonly audience: string | undefined;
}

/** The environment does not make a configuration. The message names every wrong variable, a sentence each. */
export class ConfigError extends Error {
  constructor(sentences: readonly string[]) {
    super(sentences.join('\n'));
    this.name = 'ConfigError';
  }
}

/** Reads the variables of README's table; an empty one counts as unset. Throws `ConfigError` with all that is wrong. */
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
    publicUrl: fields.PUBLIC_URL,
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
    },
    // A production server is not opened to the world by leaving a variable out.
    registration: fields.REGISTRATION ?? (upstream.kind === 'embedded' ? 'open' : 'closed'),
    metrics: fields.METRICS_PORT === 'off' ? undefined : { host: fields.METRICS_HOST, port: fields.METRICS_PORT },
    drainSeconds: fields.DRAIN_SECONDS,
    telegram: telegramOf(fields),
  };
}

/** What no variable shows alone. Told even when others are wrong, so that one start is enough to see everything. */
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
      'is missing beside COUCHDB_URL; give the name of the service account that "npm run setup" makes.',
    );
    requires('COUCHDB_PASSWORD', 'is missing beside COUCHDB_URL; give the password of COUCHDB_USER.');
    if (!set.has('JWT_PUBLIC_KEY') && !set.has('JWKS_URL')) {
      requires(
        'JWT_SECRET',
        "is missing beside COUCHDB_URL; give a secret that all gates share, or another identity provider's JWT_PUBLIC_KEY or JWKS_URL.",
      );
    }
  } else {
    for (const name of ['COUCHDB_USER', 'COUCHDB_PASSWORD', 'COUCHDB_JWT_SECRET'].filter((each) => set.has(each))) {
      messages.push(`${name} is set without COUCHDB_URL; set that too, or unset ${name} to use the embedded engine.`);
    }
  }
  if (set.has('JWT_PUBLIC_KEY') && set.has('JWKS_URL')) {
    messages.push('JWT_PUBLIC_KEY is set beside JWKS_URL; unset one of them, so that it is plain whose keys count.');
  }
  if (set.has('JWT_SECRETS_ACCEPTED')) {
    requires('JWT_SECRET', 'is missing beside JWT_SECRETS_ACCEPTED; give the secret that signs.');
  }
  for (const name of ['TELEGRAM_API_ROOT', 'TELEGRAM_WEBHOOK'].filter((each) => set.has(each))) {
    requires('TELEGRAM_BOT_TOKEN', `is missing beside ${name}; give the bot's token, or unset ${name}.`);
  }
  if (registry === sessions) {
    messages.push(`REGISTRY_DB and SESSIONS_DB are both ${sessions}; give one of them another name.`);
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
