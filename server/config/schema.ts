import { createPublicKey } from 'node:crypto';
import { z } from 'zod';
import { DEFAULT_TRUSTED_PROXIES, parseTrustedProxies } from '../http/trusted-proxies.ts';
import { isIdPrefix, DEFAULT_ID_PREFIX } from '../../couchdb-design/user-document/user-document.ts';

/**
 * The values that each variable accepts. A message continues the variable's name: what is wrong, then what to do. No message
 * repeats a secret or a URL, which may contain one.
 */

/** RFC 7518, 3.2: an HS256 key is at least as long as the hash. */
export const MIN_SECRET_BYTES = 32;

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

/** In seconds. A larger difference between clocks must be corrected (RFC 7519, 4.1.4: usually no more than a few minutes). */
export const MAX_LEEWAY_SECONDS = 300;

/** In seconds: the longest lifetime of accepted tokens. The gate's own tokens are valid for 15 minutes. */
const MIN_MAX_LIFETIME_SECONDS = 900;
const MAX_MAX_LIFETIME_SECONDS = 31_536_000;
/** A week is the longest that a hosted provider allows by its console (Supabase). Most issue tokens for an hour, Auth0 for a day. */
const DEFAULT_MAX_LIFETIME_SECONDS = 604_800;

/** Claims with a registered meaning, which therefore cannot contain the username. */
const RESERVED_CLAIMS: readonly string[] = ['exp', 'iat', 'nbf', 'iss', 'aud', 'sid', 'jti'];

const isHttp = (url: URL): boolean => url.protocol === 'http:' || url.protocol === 'https:';
const hasCredentials = (url: URL): boolean => url.username !== '' || url.password !== '';
const isLoopback = (url: URL): boolean => url.hostname === 'localhost' || /^(127\.[\d.]+|\[::1\])$/.test(url.hostname);
const isHttpsOrLoopback = (url: URL): boolean =>
  !hasCredentials(url) && (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url)));

/** Creates the schema of a text that `parse` converts. If `parse` returns `undefined`, `message` is the error. */
function field<T>(parse: (text: string) => T | undefined, message: string) {
  return z.string().transform((text, context): T => {
    const value = parse(text);
    if (value !== undefined) return value;
    context.issues.push({ code: 'custom', message, input: undefined });
    return z.NEVER;
  });
}

const url = (accepts: (url: URL) => boolean, message: string) =>
  field((text) => (URL.canParse(text) && accepts(new URL(text)) ? new URL(text) : undefined), message);

/** Parses an origin as browsers send it in the Origin header: lower case, without a path or a default port. */
function readOrigin(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const parsed = new URL(text);
  return isHttp(parsed) && (parsed.origin === text || `${parsed.origin}/` === text) ? parsed.origin : undefined;
}

/** Parses a public key for RS256 or ES256. It rejects a private key, which the gate does not need. */
function readPublicKey(text: string): string | undefined {
  const pem = text.replaceAll('\\n', '\n');
  if (pem.includes('PRIVATE KEY')) return undefined;
  try {
    const { asymmetricKeyType: type, asymmetricKeyDetails: details } = createPublicKey(pem);
    const isRsa = type === 'rsa' && (details?.modulusLength ?? 0) >= 2048;
    return isRsa || (type === 'ec' && details?.namedCurve === 'prime256v1') ? pem : undefined;
  } catch {
    return undefined;
  }
}

function readOrigins(text: string): readonly string[] | undefined {
  const origins = text.split(',').flatMap((part) => (part.trim() === '' ? [] : [readOrigin(part.trim())]));
  const legal = origins.filter((origin) => origin !== undefined);
  return legal.length === origins.length ? [...new Set(legal)] : undefined;
}

const readHost = (text: string): string | undefined => (/^[A-Za-z0-9.:_-]{1,253}$/.test(text) ? text : undefined);

/** The default names of the databases. */
export const DEFAULT_DATABASE_NAMES = { registry: 'user_registry', sessions: 'pouchgate_sessions' } as const;

/** https://docs.couchdb.org/en/stable/api/database/common.html#put--db, with space left for the suffixes of CouchDB's files. */
const databaseName = field(
  (text) => (/^[a-z][a-z0-9_$()+/-]{0,200}$/.test(text) ? text : undefined),
  'is not a valid CouchDB database name; use lower-case letters, digits and _$()+/-, and start with a letter',
);

const idPrefix = field(
  (text) => (isIdPrefix(text) ? text : undefined),
  'is not a valid prefix of document ids; use 1 to 32 of a-z, 0-9, "_", "." and "-", and start with a letter',
);

/** A worker uses one core, and about 200 MiB of memory. */
export const MAX_WORKERS = 64;

/** In seconds. Service managers kill a process that takes longer to stop. */
const MAX_DRAIN_SECONDS = 300;

const readDrainSeconds = (text: string): number | undefined =>
  /^\d{1,3}(\.\d{1,3})?$/.test(text) && Number(text) <= MAX_DRAIN_SECONDS ? Number(text) : undefined;

/** A text to require, or `any` to accept every one. */
const orAny = z.string().transform((text) => (text === 'any' ? undefined : text));

const secretMessage = `is shorter than ${MIN_SECRET_BYTES} bytes; generate one with "openssl rand -base64 48"`;

export const fieldsSchema = z.object({
  PORT: field(
    (text) => (/^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined),
    'is not a port; set it to an integer from 0 (any free port) to 65535',
  ).default(4000),
  HOST: field(readHost, 'is not a host to listen on; set it to an address such as 127.0.0.1 or 0.0.0.0').default(
    '127.0.0.1',
  ),
  WORKERS: field((text) => {
    const count = /^\d{1,2}$/.test(text) ? Number(text) : 0;
    return count >= 1 && count <= MAX_WORKERS ? count : undefined;
  }, `is not a number of processes from 1 to ${MAX_WORKERS}; set it to the number of cores that the server may use`).default(
    1,
  ),
  COUCHDB_URL: url(
    (parsed) => isHttp(parsed) && !hasCredentials(parsed) && parsed.search === '' && parsed.hash === '',
    'is not an http(s) URL without credentials and query; set it to one such as http://127.0.0.1:5984, and put the credentials into COUCHDB_USER and COUCHDB_PASSWORD',
  ).optional(),
  COUCHDB_USER: field(
    (text) => (/^[^:\p{Cc}]+$/u.test(text) ? text : undefined),
    'contains a colon or a control character; set it to the service account that "npm run setup" creates',
  ).optional(),
  COUCHDB_PASSWORD: z.string().optional(),
  COUCHDB_JWT_SECRET: field((text) => {
    const bytes = Buffer.from(text, 'base64');
    return /^[A-Za-z0-9+/]+={0,2}$/.test(text) && bytes.length >= MIN_SECRET_BYTES ? bytes : undefined;
  }, `is not the base64 of at least ${MIN_SECRET_BYTES} bytes; set it to the one that "npm run setup" printed`).optional(),
  COUCHDB_DOC_IDS_THRESHOLD: field(
    (text) => (/^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined),
    "is not a number of ids from 1; set it to the lowest [couchdb] changes_doc_ids_optimization_threshold of CouchDB's nodes, or unset it",
  ).optional(),
  REGISTRY_DB: databaseName.default(DEFAULT_DATABASE_NAMES.registry),
  SESSIONS_DB: databaseName.default(DEFAULT_DATABASE_NAMES.sessions),
  ID_PREFIX: idPrefix.default(DEFAULT_ID_PREFIX),
  DATA_DIR: z.string().default('./data'),
  JWT_SECRET: field(
    (text) => (Buffer.byteLength(text) >= MIN_SECRET_BYTES ? text : undefined),
    secretMessage,
  ).optional(),
  JWT_SECRETS_ACCEPTED: field((text) => {
    const secrets = text.split(',').map((secret) => secret.trim());
    return secrets.every((secret) => Buffer.byteLength(secret) >= MIN_SECRET_BYTES) ? secrets : undefined;
  }, `contains a secret shorter than ${MIN_SECRET_BYTES} bytes; set it to complete secrets, separated by commas`).default(
    [],
  ),
  JWT_PUBLIC_KEY: field(
    readPublicKey,
    'is not a public key for RS256 (RSA of at least 2048 bits) or ES256 (P-256); set it to the PEM text, starting with -----BEGIN PUBLIC KEY-----',
  ).optional(),
  JWKS_URL: url(
    isHttpsOrLoopback,
    'is not an https URL without credentials (http is allowed on loopback only); set it to the jwks_uri of the identity provider',
  ).optional(),
  JWT_USERNAME_CLAIM: field(
    (text) => (RESERVED_CLAIMS.includes(text) ? undefined : text),
    'names a claim with another meaning; set it to the claim that contains the username, such as sub',
  ).default('sub'),
  JWT_ISSUER: orAny.optional(),
  JWT_AUDIENCE: orAny.optional(),
  JWT_AUDIENCE_CLAIM: z
    .enum(['aud', 'azp', 'client_id'], {
      error: 'is not a claim that names the audience; set it to aud, azp or client_id',
    })
    .default('aud'),
  JWT_LEEWAY_SECONDS: field(
    (text) => (/^\d{1,3}$/.test(text) && Number(text) <= MAX_LEEWAY_SECONDS ? Number(text) : undefined),
    `is not an integer from 0 to ${MAX_LEEWAY_SECONDS}; set it to the largest difference, in seconds, between the clocks of this server and the issuer of tokens, such as 30`,
  ).default(30),
  JWT_MAX_LIFETIME_SECONDS: field(
    (text) =>
      /^\d{1,9}$/.test(text) && Number(text) >= MIN_MAX_LIFETIME_SECONDS && Number(text) <= MAX_MAX_LIFETIME_SECONDS
        ? Number(text)
        : undefined,
    `is not an integer from ${MIN_MAX_LIFETIME_SECONDS} to ${MAX_MAX_LIFETIME_SECONDS}; set it to the longest lifetime, in seconds, of the tokens that the issuer creates, such as 3600`,
  ).default(DEFAULT_MAX_LIFETIME_SECONDS),
  REGISTRATION: z
    .enum(['open', 'closed'], { error: 'is neither open nor closed; set it to one of the two' })
    .optional(),
  PUBLIC_URL: field(
    readOrigin,
    'is not an http(s) origin; set it to one such as https://example.org, without a path',
  ).optional(),
  TRUSTED_PROXIES: field(
    parseTrustedProxies,
    'is not a list of addresses and networks; set it to those of the reverse proxies, such as loopback,10.0.0.5,192.168.7.0/24,fd00::/64, and never to /0',
  ).default(DEFAULT_TRUSTED_PROXIES),
  CORS_ORIGINS: field(
    readOrigins,
    'is not a list of exact origins; set it to one such as https://app.example.org,https://example.org, without paths or *',
  ).default([]),
  METRICS_PORT: field((text) => {
    if (text === 'off') return text;
    return /^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined;
  }, 'is not a port; set it to an integer from 0 (any free port) to 65535, or to off for no metrics').default(9464),
  METRICS_HOST: field(
    readHost,
    'is not a host to listen on; set it to an address that only Prometheus reaches, such as 127.0.0.1',
  ).default('127.0.0.1'),
  TELEGRAM_BOT_TOKEN: field(
    (text) => (/^\d{1,20}:[A-Za-z0-9_-]{30,100}$/.test(text) ? text : undefined),
    'is not the token of a Telegram bot; set it to the one from @BotFather: digits, a colon and letters',
  ).optional(),
  TELEGRAM_API_ROOT: url(
    (parsed) => isHttpsOrLoopback(parsed) && parsed.search === '' && parsed.hash === '',
    'is not an https URL without credentials and query (http is allowed on loopback only); set it to your Bot API server, or unset it for https://api.telegram.org',
  ).default(new URL('https://api.telegram.org')),
  TELEGRAM_WEBHOOK: field((text) => {
    const origin = readOrigin(text);
    return origin?.startsWith('https:') === true ? origin : undefined;
  }, 'is not an https origin; set it to the one at which Telegram reaches this server, such as https://example.org, or unset it to poll Telegram for updates').optional(),
  // 0 by default, because a lead time is useful only with several gates behind a load balancer, and delays every stop.
  DRAIN_LEAD_SECONDS: field(
    readDrainSeconds,
    `is not a number of seconds from 0 to ${MAX_DRAIN_SECONDS}; set it to the time in which the load balancer notices that /readyz fails, such as 10`,
  ).default(0),
  DRAIN_SECONDS: field(
    readDrainSeconds,
    `is not a number of seconds from 0 to ${MAX_DRAIN_SECONDS}; set it to the time over which live requests are ended when the server stops, such as 5`,
  ).default(5),
  LOG_LEVEL: z
    .enum(LOG_LEVELS, { error: `is not a log level; set it to one of ${LOG_LEVELS.join(', ')}` })
    .default('info'),
});

export type Fields = z.output<typeof fieldsSchema>;
