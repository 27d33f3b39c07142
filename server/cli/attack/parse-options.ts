import { parseArgs } from 'node:util';
import { DEFAULT_ID_PREFIX } from '../../../couchdb-design/user-document/username.ts';
import { errorMessage } from '../../upstream/setup-error.ts';
import { UsageError } from '../command-error.ts';
import { ATTACK_GROUPS, type AttackGroup } from './entry.ts';
import { parseTarget, type AttackTarget } from './target.ts';

/** The parsed command line. */
export interface AttackOptions {
  readonly target: AttackTarget;
  readonly register: boolean;
  /** The names of two accounts. */
  readonly users: readonly [string, string] | undefined;
  readonly passwordStdin: boolean;
  readonly tokenFiles: Readonly<Record<'A' | 'B', string | undefined>>;
  readonly idPrefix: string;
  /** The preference that the users write a random text to. */
  readonly preference: string | undefined;
  /** The groups of the list to send. */
  readonly only: readonly AttackGroup[];
  /** Random requests after the list, and for how long at most. */
  readonly requests: number;
  readonly seconds: number;
  /** Requests per second. */
  readonly rate: number;
  /** Undefined chooses one. */
  readonly seed: number | undefined;
  readonly json: boolean;
}

const OPTIONS = {
  register: { type: 'boolean', default: false },
  users: { type: 'string' },
  'password-stdin': { type: 'boolean', default: false },
  'token-file-a': { type: 'string' },
  'token-file-b': { type: 'string' },
  'id-prefix': { type: 'string', default: DEFAULT_ID_PREFIX },
  preference: { type: 'string' },
  only: { type: 'string' },
  requests: { type: 'string', default: '2000' },
  seconds: { type: 'string', default: '60' },
  rate: { type: 'string', default: '200' },
  seed: { type: 'string' },
  'i-operate-this-server': { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/** Limits of the options, so that a slip of the pen is no attack on the server's time. */
const MAX_REQUESTS = 1_000_000;
const MAX_SECONDS = 3_600;
const MAX_RATE = 2_000;
const MAX_SEED = 0xffff_ffff;

/**
 * @returns `help` if only the help text is requested.
 * @throws {UsageError} Its message contains no argument that may be a token or a password.
 */
export function parseAttackOptions(argv: readonly string[]): AttackOptions | 'help' {
  const { values, positionals } = parseArguments(argv);
  if (values.help) return 'help';
  const [url, ...others] = positionals;
  if (url === undefined || others.length > 0) throw new UsageError('Use "attack <url>", with one address.');
  if (values.register && values.users !== undefined)
    throw new UsageError('Use either --register or --users, not both.');
  if (values['password-stdin'] && values.users === undefined) throw new UsageError('--password-stdin is for --users.');
  return {
    target: parseTarget(url, values['i-operate-this-server']),
    register: values.register,
    users: values.users === undefined ? undefined : parseUsers(values.users),
    passwordStdin: values['password-stdin'],
    tokenFiles: { A: values['token-file-a'], B: values['token-file-b'] },
    idPrefix: values['id-prefix'],
    preference: values.preference,
    only: values.only === undefined ? ATTACK_GROUPS : values.only.split(',').map(parseGroup),
    requests: parseNumber('requests', values.requests, 0, MAX_REQUESTS),
    seconds: parseNumber('seconds', values.seconds, 1, MAX_SECONDS),
    rate: parseNumber('rate', values.rate, 1, MAX_RATE),
    seed: values.seed === undefined ? undefined : parseNumber('seed', values.seed, 0, MAX_SEED),
    json: values.json,
  };
}

function parseArguments(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, strict: true, allowPositionals: true });
  } catch (error) {
    throw new UsageError(errorMessage(error).replace(/=[^']*/g, '=…'));
  }
}

function parseUsers(text: string): readonly [string, string] {
  const [a = '', b = '', ...others] = text.split(',');
  if (a === '' || b === '' || a === b || others.length > 0)
    throw new UsageError('Pass two names to --users, as in --users alice,bob.');
  return [a, b];
}

function parseGroup(text: string): AttackGroup {
  const group = ATTACK_GROUPS.find((name) => name === text);
  if (group === undefined) throw new UsageError(`--only takes a list of ${ATTACK_GROUPS.join(', ')}.`);
  return group;
}

function parseNumber(name: string, text: string, min: number, max: number): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new UsageError(`--${name} must be an integer from ${min} to ${max}.`);
}
