import { isIdPrefix } from '../../couchdb-design/user-document/user-document.ts';
import { isZodObject } from '../../couchdb-design/user-document/zod-schema-checks.ts';

type Rule = readonly [key: string, isValid: (value: unknown) => boolean, requirement: string];

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
const isFunction = (value: unknown): boolean => typeof value === 'function';
const isHttpUrl = (value: unknown): value is string =>
  isText(value) && URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);
const isOptional =
  (isValid: (value: unknown) => boolean) =>
  (value: unknown): boolean =>
    value === undefined || isValid(value);

/** https://docs.couchdb.org/en/stable/api/database/common.html#put--db */
const isDatabaseName = (value: unknown): boolean => isText(value) && /^[a-z][a-z0-9_$()+/-]{0,237}$/.test(value);
const DATABASE_NAME = 'must be the name of a CouchDB database: a-z, 0-9 and _$()+/-, starting with a letter';

/** The gate calls these. One that is missing would end the process, at the loss of the feed for example. */
const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;

const RULES: readonly Rule[] = [
  ['couchdb', isOptional(isObject), 'must be { url, username, password } of a CouchDB 3, or { dataDirectory }'],
  [
    'authenticate',
    (value) => typeof value === 'function',
    'must be a function that returns the user of a request: { username, expiresAt }, or undefined if none is signed in',
  ],
  [
    'base',
    isOptional((value) => value === '' || (isText(value) && /^(\/[^/?#]+)+$/.test(value))),
    'must be the path of the router, such as /prefs',
  ],
  ['registry', isOptional(isDatabaseName), DATABASE_NAME],
  ['sessions', isOptional(isDatabaseName), DATABASE_NAME],
  [
    'idPrefix',
    isOptional((value) => isText(value) && isIdPrefix(value)),
    'must be 1 to 32 of a-z, 0-9, "_", "." and "-", and start with a letter',
  ],
  [
    'publicUrl',
    isOptional((value) => value === '' || isHttpUrl(value)),
    'must be the URL that browsers use, such as https://app.example.org',
  ],
  [
    'corsOrigins',
    isOptional(
      (value) => Array.isArray(value) && value.every((each) => isHttpUrl(each) && new URL(each).origin === each),
    ),
    'must be an array of origins, such as https://app.example.org (without a path and a trailing slash)',
  ],
  [
    'log',
    isOptional((value) => isObject(value) && LOG_LEVELS.every((level) => typeof value[level] === 'function')),
    `must be a logger of pino, or another one with ${LOG_LEVELS.join(', ')}`,
  ],
  [
    'preferences',
    isOptional((value) => isObject(value) && isZodObject(value['schema']) && isOptional(isFunction)(value['upgrade'])),
    'must be { schema, defaults, upgrade }, where schema is a strict object of zod 4, and upgrade a function',
  ],
];

const COUCHDB_RULES: readonly Rule[] = [
  [
    'couchdb.url',
    (value) => isHttpUrl(value) && new URL(value).username === '' && new URL(value).password === '',
    'must be the URL of a CouchDB 3 without credentials, such as http://127.0.0.1:5984. For development without a CouchDB, use couchdb: { dataDirectory: "./data" }',
  ],
  ['couchdb.username', isText, 'must be the name of a server admin, or of the account that `pouchgate setup` creates'],
  ['couchdb.password', isText, 'must be the password of couchdb.username'],
  ['couchdb.jwtSecret', isOptional(isText), 'must be the base64 text that `pouchgate setup` prints'],
  [
    'couchdb.docIdsThreshold',
    isOptional((value) => Number.isSafeInteger(value) && Number(value) >= 1),
    "must be the lowest [couchdb] changes_doc_ids_optimization_threshold of CouchDB's nodes, an integer from 1",
  ],
];

const DIRECTORY_RULES: readonly Rule[] = [
  ['couchdb.dataDirectory', isText, 'must be the path of a directory, such as ./data'],
];

/**
 * Checks the options of `createPouchgate` at run time, for applications in JavaScript and values of the environment.
 *
 * @throws A `TypeError` that names the option and what it must be.
 */
export function checkOptions(options: unknown): void {
  if (!isObject(options)) throw new TypeError('createPouchgate needs its options: { couchdb, authenticate }.');
  const known = RULES.map(([key]) => key);
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) throw new TypeError(`Unknown option "${key}". The options are ${known.join(', ')}.`);
  }
  checkRules(RULES, options);
  const { couchdb } = options;
  if (!isObject(couchdb)) return;
  const isDirectory = 'dataDirectory' in couchdb;
  if (isDirectory && 'url' in couchdb) {
    throw new TypeError('couchdb has both url and dataDirectory. Remove dataDirectory to use the CouchDB at url.');
  }
  checkRules(isDirectory ? DIRECTORY_RULES : COUCHDB_RULES, couchdb);
}

function checkRules(rules: readonly Rule[], values: Record<string, unknown>): void {
  for (const [key, isValid, requirement] of rules) {
    const value = values[key.replace(/^.*\./, '')];
    if (isValid(value)) continue;
    throw new TypeError(value === undefined ? `${key} is missing: it ${requirement}.` : `${key} ${requirement}.`);
  }
}
