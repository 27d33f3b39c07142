import { parseArgs } from 'node:util';
import { z } from 'zod';
import { fieldsSchema } from '../../config/schema.ts';
import { ConfigError } from '../../config/config.ts';
import type { UpstreamAccess } from '../../upstream/client.ts';
import type { Permissions } from './desired-state.ts';

/** The parsed command line and environment. */
export interface SetupOptions {
  readonly access: UpstreamAccess;
  readonly registry: string;
  readonly sessions: string;
  readonly idPrefix: string;
  readonly service: { readonly username: string; readonly password: string | undefined };
  readonly jwtSecret: Buffer | undefined;
  /** The name of a former service account. */
  readonly accountToRemove: string | undefined;
  readonly allowed: Permissions;
  readonly dryRun: boolean;
}

export const SETUP_HELP = `Sets up a CouchDB 3 for Pouchgate, and prints each step. A second run changes nothing.

Environment variables:
  COUCHDB_URL                      the URL of CouchDB
  COUCHDB_USER, COUCHDB_PASSWORD   the credentials of a server admin
  COUCHDB_JWT_SECRET               the gate's key in CouchDB, in base64. Default: generated once, and shown once
  SERVICE_USER, SERVICE_PASSWORD   the account for the gates. Default: pouchgate, with a generated password, shown once
  REGISTRY_DB, SESSIONS_DB         the databases. Default: user_registry, pouchgate_sessions
  ID_PREFIX                        the prefix of user documents' ids. Default: user_

Options:
  --dry-run           print the steps, and change nothing
  --replace           overwrite access rules and design documents that were changed by hand or are not Pouchgate's
  --adopt             use a database that contains other documents
  --new-password      change the service account's password to SERVICE_PASSWORD or a generated one
  --new-secret        generate another key, beside those in use, and print it
  --remove-old-keys   remove all keys but that of COUCHDB_JWT_SECRET
  --remove-account=…  remove a service account that no gate uses any more`;

const OPTIONS = {
  'dry-run': { type: 'boolean', default: false },
  replace: { type: 'boolean', default: false },
  adopt: { type: 'boolean', default: false },
  'new-password': { type: 'boolean', default: false },
  'new-secret': { type: 'boolean', default: false },
  'remove-old-keys': { type: 'boolean', default: false },
  'remove-account': { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

const MISSING_HINT = 'is missing; set it to';
const requestSchema = fieldsSchema
  .pick({
    COUCHDB_URL: true,
    COUCHDB_USER: true,
    COUCHDB_JWT_SECRET: true,
    REGISTRY_DB: true,
    SESSIONS_DB: true,
    ID_PREFIX: true,
  })
  .extend({
    COUCHDB_PASSWORD: z.string({ error: `${MISSING_HINT} the password of COUCHDB_USER` }),
    SERVICE_USER: z
      .string()
      .regex(/^[^_:\p{Cc}][^:\p{Cc}]*$/u, 'begins with an underscore or contains a colon; choose another name')
      .default('pouchgate'),
    SERVICE_PASSWORD: z.string().optional(),
  });

/**
 * @returns `help` if only the help text is requested.
 * @throws {ConfigError} With a sentence for each problem.
 */
export function parseSetupOptions(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): SetupOptions | 'help' {
  const flags = parseFlags(argv);
  if (flags.help) return 'help';
  const definedEnv = Object.fromEntries(Object.entries(env).filter(([, text]) => text !== undefined && text !== ''));
  const parsed = requestSchema.safeParse(definedEnv);
  const missing = [
    definedEnv['COUCHDB_URL'] === undefined
      ? [`COUCHDB_URL ${MISSING_HINT} the URL of CouchDB, such as http://127.0.0.1:5984.`]
      : [],
    definedEnv['COUCHDB_USER'] === undefined
      ? [`COUCHDB_USER ${MISSING_HINT} the name of a server admin of CouchDB.`]
      : [],
  ].flat();
  const invalid = (parsed.error?.issues ?? []).map(({ path, message }) => `${String(path[0])} ${message}.`);
  const hasSameName = parsed.data !== undefined && parsed.data.REGISTRY_DB === parsed.data.SESSIONS_DB;
  const conflicts = hasSameName ? ['REGISTRY_DB and SESSIONS_DB are the same; rename one of them.'] : [];
  const problems = [...missing, ...invalid, ...conflicts];
  const { COUCHDB_URL: url, COUCHDB_USER: username } = parsed.data ?? {};
  if (!parsed.success || url === undefined || username === undefined || problems.length > 0)
    throw new ConfigError(problems);
  const { data } = parsed;
  return {
    access: { url: url.href.replace(/\/+$/, ''), username, password: data.COUCHDB_PASSWORD },
    registry: data.REGISTRY_DB,
    sessions: data.SESSIONS_DB,
    idPrefix: data.ID_PREFIX,
    service: { username: data.SERVICE_USER, password: data.SERVICE_PASSWORD },
    jwtSecret: data.COUCHDB_JWT_SECRET,
    accountToRemove: flags['remove-account'],
    allowed: {
      replace: flags.replace,
      adopt: flags.adopt,
      newPassword: flags['new-password'],
      newSecret: flags['new-secret'],
      removeOldKeys: flags['remove-old-keys'],
    },
    dryRun: flags['dry-run'],
  };
}

function parseFlags(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, strict: true }).values;
  } catch (error) {
    throw new ConfigError([`${error instanceof Error ? error.message : String(error)}\n\n${SETUP_HELP}`]);
  }
}
