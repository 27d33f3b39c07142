import { parseArgs } from 'node:util';
import { z } from 'zod';
import { fieldsSchema } from '../../config/schema.ts';
import { ConfigError } from '../../config/config.ts';
import type { UpstreamAccess } from '../../upstream/client.ts';
import type { Permissions } from './desired-state.ts';

/** What is asked for on the command line and in the environment. */
export interface SetupOptions {
  readonly access: UpstreamAccess;
  readonly registry: string;
  readonly sessions: string;
  readonly idPrefix: string;
  readonly service: { readonly username: string; readonly password: string | undefined };
  readonly jwtSecret: Buffer | undefined;
  readonly allowed: Permissions;
  readonly dryRun: boolean;
}

export const SETUP_HELP = `Sets up a CouchDB 3 for Pouchgate, and says what it does. Run again, it changes nothing.

In the environment:
  COUCHDB_URL                      where CouchDB is
  COUCHDB_USER, COUCHDB_PASSWORD   a server admin of it
  COUCHDB_JWT_SECRET               the base64 of the gate's key in it; one is made, and shown once, where there is none
  SERVICE_USER, SERVICE_PASSWORD   the account that gates are to use: pouchgate, and a password that is made and shown once
  REGISTRY_DB, SESSIONS_DB         the databases: user_registry and pouchgate_sessions
  ID_PREFIX                        what user documents' ids begin with: user_

  --dry-run           says what would be done, and changes nothing
  --replace           also overwrites what was changed by hand or is not from here: design documents, who may use a database
  --adopt             also uses a database that holds other documents
  --new-password      gives the service account another password, SERVICE_PASSWORD or one that is made
  --new-secret        makes another key, beside the one in use
  --remove-old-keys   removes all keys but that of COUCHDB_JWT_SECRET`;

const OPTIONS = {
  'dry-run': { type: 'boolean', default: false },
  replace: { type: 'boolean', default: false },
  adopt: { type: 'boolean', default: false },
  'new-password': { type: 'boolean', default: false },
  'new-secret': { type: 'boolean', default: false },
  'remove-old-keys': { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

const MISSING_HINT = 'is missing; give';
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
      .regex(/^[^_:\p{Cc}][^:\p{Cc}]*$/u, 'begins with an underscore, or holds a colon; give another name')
      .default('pouchgate'),
    SERVICE_PASSWORD: z.string().optional(),
  });

/** `help`: it is only asked how this is used. Throws `ConfigError` with all that is wrong, a sentence each. */
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
      ? [`COUCHDB_URL ${MISSING_HINT} where CouchDB is, such as http://127.0.0.1:5984.`]
      : [],
    definedEnv['COUCHDB_USER'] === undefined
      ? [`COUCHDB_USER ${MISSING_HINT} the name of a server admin of CouchDB.`]
      : [],
  ].flat();
  const invalid = (parsed.error?.issues ?? []).map(({ path, message }) => `${String(path[0])} ${message}.`);
  const alike = parsed.data !== undefined && parsed.data.REGISTRY_DB === parsed.data.SESSIONS_DB;
  const conflicts = alike ? ['REGISTRY_DB and SESSIONS_DB are the same; give one of them another name.'] : [];
  if (flags['new-secret'] && definedEnv['COUCHDB_JWT_SECRET'] !== undefined) {
    conflicts.push('COUCHDB_JWT_SECRET is set beside --new-secret; give one of the two.');
  }
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
