import { setTimeout as delay } from 'node:timers/promises';
import { ConfigError, readConfig, type Config } from '../../config/config.ts';
import { HttpError } from '../../http/errors.ts';
import type { CommandOptions } from '../types.ts';
import { errorMessage, SetupError } from '../../upstream/setup-error.ts';
import {
  addUser,
  endSessions,
  requireAddable,
  requireResettable,
  resetPassword,
  restoreUser,
  setPreference,
  suspendUser,
} from './actions.ts';
import { CommandError, UsageError } from './command-error.ts';
import { eraseUser } from './erase-user.ts';
import { exportUser } from './export-user.ts';
import { loadUser, requireManagedAccount, requireUserExists, userStateOf } from './load-user.ts';
import { USERS_HELP } from './help.ts';
import { formatUserList, listUsers, userListWarnings } from './list-users.ts';
import { openDeployment, type Deployment } from './deployment.ts';
import { parsePreferenceEdit } from './parse-preference-edit.ts';
import { parseUsersOptions, type PasswordSource, type UsersRequest } from './parse-options.ts';
import { escapeControlCharacters } from './table.ts';
import { promptNewPassword, confirmErase, readPasswordFromInput, type Terminal } from './terminal.ts';
import { formatUserReport, createUserReport } from './user-report.ts';

export interface UsersCommandOptions extends CommandOptions {
  readonly terminal: Terminal;
  /** Waits for what gates may have under way when a user is erased. */
  readonly waitForGates?: () => Promise<void>;
}

/**
 * In ms. A gate notices within 12.5 s that its feed of the sessions has gone silent (upstream/feed/feed.ts), and then believes for
 * another five what it knew (identity/access/access-monitor.ts).
 */
const GATE_SETTLE_MS = 20_000;

/** What a command has to say: `json` for programs, `lines` for people, and what both are told beside it. */
interface CommandOutput {
  readonly json: unknown;
  readonly lines: readonly string[];
  readonly notes?: readonly string[];
}

/** `pouchgate users`: resolves with the exit code, and says everything itself. */
export async function usersCommand(options: UsersCommandOptions): Promise<number> {
  const { argv, env, print, printError } = options;
  try {
    const parsed = parseUsersOptions(argv);
    if (parsed === 'help') {
      print(USERS_HELP);
      return 0;
    }
    const deployment = await openDeployment(readCommandConfig(env), env);
    try {
      const { json, lines, notes = [] } = await runCommand(deployment, parsed.request, options, parsed.json);
      if (parsed.json) print(JSON.stringify(json, null, 2));
      else for (const line of lines) print(line);
      for (const note of notes) printError(note);
    } finally {
      await deployment.close();
    }
    return 0;
  } catch (error) {
    // Line by line: what is told may quote what somebody has written.
    printError(describeError(error).split('\n').map(escapeControlCharacters).join('\n'));
    return error instanceof UsageError ? 2 : 1;
  }
}

async function runCommand(
  deployment: Deployment,
  request: UsersRequest,
  { terminal, printError, waitForGates }: UsersCommandOptions,
  json: boolean,
): Promise<CommandOutput> {
  if (request.command === 'list') {
    const list = await listUsers(deployment, Date.now());
    return { json: list, lines: formatUserList(list), notes: userListWarnings(list) };
  }
  const { username } = request;
  const userData = await loadUser(deployment, username);
  switch (request.command) {
    case 'add': {
      requireAddable(userData, deployment);
      await addUser(deployment, username, await readPassword(request.passwordFrom, terminal, username));
      return { json: { username, added: true }, lines: [`${username} has an account, and may sign in.`] };
    }
    case 'show': {
      requireUserExists(userData);
      const user = createUserReport(userData, deployment.rules, Date.now());
      return { json: user, lines: formatUserReport(user) };
    }
    case 'suspend': {
      const sessionsEnded = await suspendUser(deployment, userData, request.unseen);
      const again = userData.suspension === undefined ? '' : ' already';
      return {
        json: { username, suspended: true, sessionsEnded },
        lines: [
          `${username} is suspended${again}, and ${describeEndedSessions(sessionsEnded)} ended. Live requests end on every gate within two seconds.`,
        ],
      };
    }
    case 'restore': {
      const wasSuspended = await restoreUser(deployment, userData);
      const line = wasSuspended ? `${username} may sign in again.` : `${username} was not suspended.`;
      return { json: { username, suspended: false }, lines: [line] };
    }
    case 'reset-password': {
      requireResettable(userData, deployment);
      const password = await readPassword(request.passwordFrom, terminal, username);
      const sessionsEnded = await resetPassword(deployment, userData, password);
      const line = `${username} has another password, and ${describeEndedSessions(sessionsEnded)} ended.`;
      const note = `${username} is suspended, and stays so until "restore ${username}".`;
      const notes = userStateOf(userData.suspension) === 'suspended' ? [note] : [];
      return { json: { username, sessionsEnded }, lines: [line], notes };
    }
    case 'end-sessions': {
      requireUserExists(userData);
      const sessionsEnded = await endSessions(deployment, username);
      const note = 'Tokens of the other identity provider stay good until they end; "suspend" takes those too.';
      const lines = [`${username} is signed out everywhere: ${describeEndedSessions(sessionsEnded)} ended.`];
      return { json: { username, sessionsEnded }, lines, notes: deployment.hasIdentityProvider ? [note] : [] };
    }
    case 'set': {
      const edit = parsePreferenceEdit(deployment.rules, request.preference, request.value);
      const set = await setPreference(deployment, userData, edit);
      const what = set.value === null ? 'unset: the default holds' : escapeControlCharacters(JSON.stringify(set.value));
      return { json: set, lines: [`${set.preference} of ${username} is ${what}.`] };
    }
    case 'export': {
      requireUserExists(userData);
      const all = exportUser(userData, deployment.rules, Date.now());
      return { json: all, lines: [JSON.stringify(all, null, 2)] };
    }
    case 'erase': {
      requireUserExists(userData);
      requireManagedAccount(userData, deployment);
      if (!request.yes) await confirmErase(terminal, username);
      // Nobody can be under way beside an engine that is in this process.
      const settleMs = deployment.kind === 'embedded' ? undefined : GATE_SETTLE_MS;
      const wait = waitForGates ?? (() => delay(settleMs));
      const done: string[] = [];
      const report = (sentence: string): void => {
        done.push(sentence);
        if (!json) printError(sentence);
      };
      try {
        const erased = await eraseUser({ deployment, username, waitForGates: wait, report, now: Date.now });
        return { json: erased, lines: [`${username} is erased, and the name stays taken.`], notes: erased.left };
      } catch (error) {
        const progress = done.length === 0 ? 'nothing is done yet' : `done is: ${done.join(' ')}`;
        throw new CommandError(
          `${describeError(error)} Erasing is not finished (${progress}). Run it again; it goes on.`,
        );
      }
    }
  }
}

const describeEndedSessions = (sessions: number): string =>
  sessions === 1 ? 'one session is' : `${sessions} sessions are`;

const readPassword = (from: PasswordSource, terminal: Terminal, username: string): Promise<string> =>
  from === 'stdin' ? readPasswordFromInput(terminal.input) : promptNewPassword(terminal, username);

function readCommandConfig(env: UsersCommandOptions['env']): Config {
  try {
    return readConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) throw new CommandError(error.message);
    throw error;
  }
}

function describeError(error: unknown): string {
  if (error instanceof UsageError) return `${error.message} --help has all.`;
  if (error instanceof CommandError || error instanceof SetupError) return error.message;
  if (error instanceof HttpError) {
    return error.status >= 500 ? `${error.message} Look with "doctor", and run this again.` : error.message;
  }
  return `This failed in a way that nobody expected: ${errorMessage(error)}`;
}
