import { parseArgs } from 'node:util';
import {
  parseFormattedSubject,
  parseUsername,
  type Username,
} from '../../../couchdb-design/user-document/user-document.ts';
import { UsageError } from '../command-error.ts';

/** The parsed command line. */
export type UsersRequest =
  | { readonly command: 'list' }
  | { readonly command: 'add' | 'reset-password'; readonly username: Username; readonly passwordFrom: PasswordSource }
  /** `add --from <file>`; `-` is standard input. */
  | { readonly command: 'add-from'; readonly file: string }
  | { readonly command: 'repair'; readonly username: Username; readonly dryRun: boolean }
  /** `repair --all`. */
  | { readonly command: 'repair-all'; readonly dryRun: boolean }
  | { readonly command: 'suspend'; readonly username: Username; readonly unseen: boolean }
  | { readonly command: 'show' | 'restore' | 'end-sessions' | 'export'; readonly username: Username }
  | { readonly command: 'set'; readonly username: Username; readonly preference: string; readonly value: string }
  | { readonly command: 'erase'; readonly username: Username; readonly yes: boolean };

export type PasswordSource = 'terminal' | 'stdin';

type CommandName = Exclude<UsersRequest['command'], 'add-from' | 'repair-all'>;

/** The arguments and the specific flags of each command. */
const COMMANDS: Readonly<Record<CommandName, { readonly takes: readonly string[]; readonly flags: readonly Flag[] }>> =
  {
    add: { takes: ['name'], flags: ['password-stdin', 'from'] },
    list: { takes: [], flags: [] },
    show: { takes: ['name'], flags: [] },
    suspend: { takes: ['name'], flags: ['unseen'] },
    restore: { takes: ['name'], flags: [] },
    'reset-password': { takes: ['name'], flags: ['password-stdin'] },
    'end-sessions': { takes: ['name'], flags: [] },
    set: { takes: ['name', 'preference', 'value'], flags: [] },
    export: { takes: ['name'], flags: [] },
    repair: { takes: ['name'], flags: ['all', 'dry-run'] },
    erase: { takes: ['name'], flags: ['yes'] },
  };

const FLAGS = ['password-stdin', 'unseen', 'yes', 'from', 'all', 'dry-run'] as const;
type Flag = (typeof FLAGS)[number];
type FlagValues = Readonly<Record<Exclude<Flag, 'from'>, boolean>> & { readonly from?: string | undefined };

const OPTIONS = {
  json: { type: 'boolean', default: false },
  'password-stdin': { type: 'boolean', default: false },
  from: { type: 'string' },
  unseen: { type: 'boolean', default: false },
  all: { type: 'boolean', default: false },
  'dry-run': { type: 'boolean', default: false },
  yes: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

export interface UsersOptions {
  readonly json: boolean;
  readonly request: UsersRequest;
}

/**
 * @returns `help` if only the help text is requested.
 * @throws {UsageError} Its message contains no argument that may be a password.
 */
export function parseUsersOptions(argv: readonly string[]): UsersOptions | 'help' {
  const { values, positionals } = parseArguments(argv);
  const [command, ...rest] = positionals;
  if (values.help || command === 'help' || command === undefined) return 'help';
  if (!isCommandName(command)) {
    throw new UsageError(`Unknown command ${JSON.stringify(command)}. Use one of ${Object.keys(COMMANDS).join(', ')}.`);
  }
  const { flags } = COMMANDS[command];
  const takes = takesNoName(command, values) ? [] : COMMANDS[command].takes;
  if (rest.length !== takes.length) {
    const placeholders = takes.map((each) => ` <${each}>`).join('');
    const hint = command === 'set' ? ', with quotes around a value that contains spaces' : '';
    const option = takesNoName(command, values) ? (command === 'add' ? ' --from <file>' : ' --all') : '';
    throw new UsageError(
      `Use "${command}${placeholders}${option}"${hint}${rest.length > takes.length ? ', without further arguments' : ''}.`,
    );
  }
  const misplaced = FLAGS.find((flag) => isSet(values[flag]) && !flags.includes(flag));
  if (misplaced !== undefined) throw new UsageError(`${command} does not take --${misplaced}.`);
  if (values.from !== undefined && values['password-stdin'])
    throw new UsageError('--from reads the passwords from the file, so it does not take --password-stdin.');
  return { json: values.json, request: toUsersRequest(command, rest, values) };
}

const isSet = (value: boolean | string | undefined): boolean => value !== undefined && value !== false;

/** `add --from` and `repair --all` are about many users. */
const takesNoName = (command: CommandName, { from, all }: FlagValues): boolean =>
  (command === 'add' && from !== undefined) || (command === 'repair' && all);

function toUsersRequest(command: CommandName, rest: readonly string[], flags: FlagValues): UsersRequest {
  const [name = '', preference = '', value = ''] = rest;
  if (command === 'list') return { command };
  if (command === 'add' && flags.from !== undefined) return { command: 'add-from', file: flags.from };
  if (command === 'repair' && flags.all) return { command: 'repair-all', dryRun: flags['dry-run'] };
  const username = parseName(command, name);
  switch (command) {
    case 'add':
    case 'reset-password':
      return { command, username, passwordFrom: flags['password-stdin'] ? 'stdin' : 'terminal' };
    case 'suspend':
      return { command, username, unseen: flags.unseen };
    case 'set':
      return { command, username, preference, value };
    case 'erase':
      return { command, username, yes: flags.yes };
    case 'repair':
      return { command, username, dryRun: flags['dry-run'] };
    case 'show':
    case 'restore':
    case 'end-sessions':
    case 'export':
      return { command, username };
  }
}

/** Accounts have stricter names than the users of an identity provider. */
function parseName(command: CommandName, name: string): Username {
  if (command === 'add' || command === 'reset-password') {
    const username = parseUsername(name);
    if (username !== undefined) return username;
    throw new UsageError(
      `${JSON.stringify(name)} is not the name of an account. Use 1 to 64 lower-case letters, digits and _.@+-, starting with a letter or digit.`,
    );
  }
  const username = parseFormattedSubject(name);
  if (username !== undefined) return username;
  throw new UsageError(
    'The name is not a text of 1 to 255 characters. Pass it as "list" prints it, with \\u{5c} for a backslash before u{.',
  );
}

function parseArguments(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, strict: true, allowPositionals: true });
  } catch (error) {
    // Node's message repeats the argument: of `--password=hunter2` keep only what precedes the equals sign.
    const message = error instanceof Error ? error.message : String(error);
    throw new UsageError(message.replace(/=[^']*/g, '=…'));
  }
}

const isCommandName = (text: string): text is CommandName => Object.hasOwn(COMMANDS, text);
