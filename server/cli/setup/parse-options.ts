import { parseArgs } from 'node:util';
import { z } from 'zod';
import { fieldsSchema } from '../../config/schema.ts';
import { ConfigError } from '../../config/config.ts';
import type { UpstreamAccess } from '../../upstream/client.ts';
import type { Allowed } from './desired-state.ts';

/** What is asked for on the command line and in the environment. */
export interface SetUpRequest {
  readonly access: UpstreamAccess;
  readonly registry: string;
  readonly sessions: string;
  readonly idPrefix: string;
  readonly service: { readonly username: string; readonly password: string | undefined };
  readonly jwtSecret: Buffer | undefined;
  readonly allowed: Allowed;
  readonly dryRun: boolean;
}

export const SET_UP_HELP = `Sets up a CouchDB 3 for Pouchgate, and says what it does. Run again, it changes nothing.

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

const needed = 'is missing; give';
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
    COUCHDB_PASSWORD: z.string({ error: `${needed} the password of COUCHDB_USER` }),
    SERVICE_USER: z
      .string()
      .regex(/^[^_:\p{Cc}][^:\p{Cc}]*$/u, 'begins with an underscore, or holds a colon; give another name')
      .default('pouchgate'),
    SERVICE_PASSWORD: z.string().optional(),
  });

/** `help`: it is only asked how this is used. Throws `ConfigError` with all that is wrong, a sentence each. */
export function readSetUpRequest(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): SetUpRequest | 'help' {
  const flags = readFlags(argv);
  if (flags.help) return 'help';
  const set = Object.fromEntries(Object.entries(env).filter(([, text]) => text !== undefined && text !== ''));
  const read = requestSchema.safeParse(set);
  const missing = [
    set['COUCHDB_URL'] === undefined ? [`COUCHDB_URL ${needed} where CouchDB is, such as http://127.0.0.1:5984.`] : [],
    set['COUCHDB_USER'] === undefined ? [`COUCHDB_USER ${needed} the name of a server admin of CouchDB.`] : [],
  ].flat();
  const wrong = (read.error?.issues ?? []).map(({ path, message }) => `${String(path[0])} ${message}.`);
  const alike = read.data !== undefined && read.data.REGISTRY_DB === read.data.SESSIONS_DB;
  const clash = alike ? ['REGISTRY_DB and SESSIONS_DB are the same; give one of them another name.'] : [];
  if (flags['new-secret'] && set['COUCHDB_JWT_SECRET'] !== undefined) {
    clash.push('COUCHDB_JWT_SECRET is set beside --new-secret; give one of the two.');
  }
  const sentences = [...missing, ...wrong, ...clash];
  const { COUCHDB_URL: url, COUCHDB_USER: username } = read.data ?? {};
  if (!read.success || url === undefined || username === undefined || sentences.length > 0)
    throw new ConfigError(sentences);
  const { data } = read;
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

function readFlags(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, strict: true }).values;
  } catch (error) {
    throw new ConfigError([`${error instanceof Error ? error.message : String(error)}\n\n${SET_UP_HELP}`]);
  }
}
