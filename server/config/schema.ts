import { createPublicKey } from 'node:crypto';
import { z } from 'zod';
import { isIdPrefix, USUAL_ID_PREFIX } from '../../couchdb-design/user-document/user-document.ts';

/**
 * What each variable may hold. A message goes on after the variable's name: what is wrong, and what to do. No message
 * repeats a secret, or a URL that may carry one.
 */

/** RFC 7518, 3.2: an HS256 key has at least the size of the hash. */
export const MIN_SECRET_BYTES = 32;

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

/** Claims with a meaning of their own: a username in one of them could not be told from that meaning. */
const RESERVED_CLAIMS: readonly string[] = ['exp', 'iat', 'nbf', 'iss', 'aud', 'sid', 'jti'];

const isHttp = (url: URL): boolean => url.protocol === 'http:' || url.protocol === 'https:';
const hasCredentials = (url: URL): boolean => url.username !== '' || url.password !== '';
const isLoopback = (url: URL): boolean => url.hostname === 'localhost' || /^(127\.[\d.]+|\[::1\])$/.test(url.hostname);
const isHttpsOrLoopback = (url: URL): boolean =>
  !hasCredentials(url) && (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url)));

/** A text that `read` understands; `undefined` from it is the refusal, told as `message`. */
function field<T>(read: (text: string) => T | undefined, message: string) {
  return z.string().transform((text, context): T => {
    const value = read(text);
    if (value !== undefined) return value;
    context.issues.push({ code: 'custom', message, input: undefined });
    return z.NEVER;
  });
}

const url = (accepts: (url: URL) => boolean, message: string) =>
  field((text) => (URL.canParse(text) && accepts(new URL(text)) ? new URL(text) : undefined), message);

/** An origin as browsers write it in the Origin header: no path, no default port, in lower case. */
function readOrigin(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const parsed = new URL(text);
  return isHttp(parsed) && (parsed.origin === text || `${parsed.origin}/` === text) ? parsed.origin : undefined;
}

/** The public half of a key pair that verifies RS256 or ES256. A private key has no business here. */
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

/** What the databases are called where nobody says otherwise. */
export const DEFAULT_DATABASE_NAMES = { registry: 'user_registry', sessions: 'pouchgate_sessions' } as const;

/** https://docs.couchdb.org/en/stable/api/database/common.html#put--db, and room for the file's own suffixes. */
const databaseName = field(
  (text) => (/^[a-z][a-z0-9_$()+/-]{0,200}$/.test(text) ? text : undefined),
  'is not a name that CouchDB gives databases; use lower-case letters, digits and _$()+/-, and begin with a letter',
);

const idPrefix = field(
  (text) => (isIdPrefix(text) ? text : undefined),
  'is no beginning of a document id; use 1 to 32 of a-z, 0-9, "_", "." and "-", and begin with a letter',
);

/** In s. Whoever stops a server waits for it, and is told by a service manager not to wait for ever. */
const MAX_DRAIN_SECONDS = 300;

const secretMessage = `is shorter than ${MIN_SECRET_BYTES} bytes; make one with "openssl rand -base64 48"`;

export const fieldsSchema = z.object({
  PORT: field(
    (text) => (/^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined),
    'is not a port; give a whole number from 0 (any free port) to 65535',
  ).default(4000),
  HOST: field(readHost, 'is not a host to listen on; give an address such as 127.0.0.1 or 0.0.0.0').default(
    '127.0.0.1',
  ),
  COUCHDB_URL: url(
    (parsed) => isHttp(parsed) && !hasCredentials(parsed) && parsed.search === '' && parsed.hash === '',
    'is not an http(s) URL without credentials and query; give one such as http://127.0.0.1:5984 and put the credentials into COUCHDB_USER and COUCHDB_PASSWORD',
  ).optional(),
  COUCHDB_USER: field(
    (text) => (/^[^:\p{Cc}]+$/u.test(text) ? text : undefined),
    'holds a colon or a control character; give the name of the service account that "npm run setup" makes',
  ).optional(),
  COUCHDB_PASSWORD: z.string().optional(),
  COUCHDB_JWT_SECRET: field((text) => {
    const bytes = Buffer.from(text, 'base64');
    return /^[A-Za-z0-9+/]+={0,2}$/.test(text) && bytes.length >= MIN_SECRET_BYTES ? bytes : undefined;
  }, `is not the base64 text of at least ${MIN_SECRET_BYTES} bytes; give the one that "npm run setup" has shown`).optional(),
  REGISTRY_DB: databaseName.default(DEFAULT_DATABASE_NAMES.registry),
  SESSIONS_DB: databaseName.default(DEFAULT_DATABASE_NAMES.sessions),
  ID_PREFIX: idPrefix.default(USUAL_ID_PREFIX),
  DATA_DIR: z.string().default('./data'),
  JWT_SECRET: field(
    (text) => (Buffer.byteLength(text) >= MIN_SECRET_BYTES ? text : undefined),
    secretMessage,
  ).optional(),
  JWT_SECRETS_ACCEPTED: field((text) => {
    const secrets = text.split(',').map((secret) => secret.trim());
    return secrets.every((secret) => Buffer.byteLength(secret) >= MIN_SECRET_BYTES) ? secrets : undefined;
  }, `holds a secret shorter than ${MIN_SECRET_BYTES} bytes; give whole secrets, separated by commas`).default([]),
  JWT_PUBLIC_KEY: field(
    readPublicKey,
    'is not a public key for RS256 (RSA of at least 2048 bits) or ES256 (P-256); give its PEM text, beginning with -----BEGIN PUBLIC KEY-----',
  ).optional(),
  JWKS_URL: url(
    isHttpsOrLoopback,
    'is not an https URL without credentials (http is for loopback alone); give the jwks_uri of the identity provider',
  ).optional(),
  JWT_USERNAME_CLAIM: field(
    (text) => (RESERVED_CLAIMS.includes(text) ? undefined : text),
    'names a claim that has another meaning; give the one that holds the username, such as sub',
  ).default('sub'),
  JWT_ISSUER: z.string().optional(),
  JWT_AUDIENCE: z.string().optional(),
  REGISTRATION: z.enum(['open', 'closed'], { error: 'is neither open nor closed; give one of the two' }).optional(),
  PUBLIC_URL: field(
    readOrigin,
    'is not an http(s) origin; give one such as https://example.org, without a path',
  ).optional(),
  CORS_ORIGINS: field(
    readOrigins,
    'is not a list of exact origins; give such as https://app.example.org,https://example.org, without paths or *',
  ).default([]),
  METRICS_PORT: field((text) => {
    if (text === 'off') return text;
    return /^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined;
  }, 'is not a port; give a whole number from 0 (any free port) to 65535, or off for no metrics').default(9464),
  METRICS_HOST: field(
    readHost,
    'is not a host to listen on; give an address such as 127.0.0.1, that only Prometheus reaches',
  ).default('127.0.0.1'),
  TELEGRAM_BOT_TOKEN: field(
    (text) => (/^\d{1,20}:[A-Za-z0-9_-]{30,100}$/.test(text) ? text : undefined),
    'is not a token of a Telegram bot; give the one that @BotFather has shown, digits, a colon and letters',
  ).optional(),
  TELEGRAM_API_ROOT: url(
    (parsed) => isHttpsOrLoopback(parsed) && parsed.search === '' && parsed.hash === '',
    'is not an https URL without credentials and query (http is for loopback alone); give the one of your Bot API server, or unset it for https://api.telegram.org',
  ).default(new URL('https://api.telegram.org')),
  TELEGRAM_WEBHOOK: field((text) => {
    const origin = readOrigin(text);
    return origin?.startsWith('https:') === true ? origin : undefined;
  }, 'is not an https origin; give the one at which Telegram reaches this server, such as https://example.org, or unset it to ask Telegram for updates').optional(),
  DRAIN_SECONDS: field(
    (text) => (/^\d{1,3}(\.\d{1,3})?$/.test(text) && Number(text) <= MAX_DRAIN_SECONDS ? Number(text) : undefined),
    `is not a number of seconds from 0 to ${MAX_DRAIN_SECONDS}; give how long live requests are ended over when the server stops, such as 5`,
  ).default(5),
  LOG_LEVEL: z.enum(LOG_LEVELS, { error: `is not a log level; give one of ${LOG_LEVELS.join(', ')}` }).default('info'),
});

export type Fields = z.output<typeof fieldsSchema>;
