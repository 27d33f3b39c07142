import { setTimeout as delay } from 'node:timers/promises';
import { ConfigError, readConfig, type Config } from '../../config/config.ts';
import { HttpError } from '../../http/errors.ts';
import type { CommandOptions } from '../setup/command.ts';
import { reasonOf, SetUpError } from '../../upstream/setup-error.ts';
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
import { readHeld, requireOwn, requireSomebody, stateOf } from './load-user.ts';
import { USERS_HELP } from './help.ts';
import { linesOfUsers, listUsers, notesOn } from './list-users.ts';
import { openDeployment, type Deployment } from './deployment.ts';
import { readPreferenceEdit } from './parse-preference-edit.ts';
import { readUsersRequest, type PasswordSource, type UsersRequest } from './parse-options.ts';
import { plain } from './table.ts';
import { askNewPassword, confirmErasing, passwordFromInput, type Terminal } from './terminal.ts';
import { linesAbout, toldUser } from './user-report.ts';

export interface UsersCommandOptions extends Pick<CommandOptions, 'argv' | 'env' | 'print' | 'complain'> {
  readonly terminal: Terminal;
  /** Waits for what gates may have under way when a user is erased. */
  readonly settle?: () => Promise<void>;
}

/**
 * In ms. A gate notices within 12.5 s that its feed of the sessions has gone silent (upstream/feed/feed.ts), and then believes for
 * another five what it knew (identity/access/access-monitor.ts).
 */
const SETTLE = 20_000;

/** What a command has to say: `json` for programs, `lines` for people, and what both are told beside it. */
interface Outcome {
  readonly json: unknown;
  readonly lines: readonly string[];
  readonly notes?: readonly string[];
}

/** `pouchgate users`: resolves with the exit code, and says everything itself. */
export async function usersCommand(options: UsersCommandOptions): Promise<number> {
  const { argv, env, print, complain } = options;
  try {
    const read = readUsersRequest(argv);
    if (read === 'help') {
      print(USERS_HELP);
      return 0;
    }
    const deployment = await openDeployment(configOf(env), env);
    try {
      const { json, lines, notes = [] } = await carryOut(deployment, read.request, options, read.json);
      if (read.json) print(JSON.stringify(json, null, 2));
      else for (const line of lines) print(line);
      for (const note of notes) complain(note);
    } finally {
      await deployment.close();
    }
    return 0;
  } catch (error) {
    // Line by line: what is told may quote what somebody has written.
    complain(sentenceFor(error).split('\n').map(plain).join('\n'));
    return error instanceof UsageError ? 2 : 1;
  }
}

async function carryOut(
  deployment: Deployment,
  request: UsersRequest,
  { terminal, complain, settle }: UsersCommandOptions,
  json: boolean,
): Promise<Outcome> {
  if (request.command === 'list') {
    const list = await listUsers(deployment, Date.now());
    return { json: list, lines: linesOfUsers(list), notes: notesOn(list) };
  }
  const { username } = request;
  const held = await readHeld(deployment, username);
  switch (request.command) {
    case 'add': {
      requireAddable(held, deployment);
      await addUser(deployment, username, await passwordOf(request.passwordFrom, terminal, username));
      return { json: { username, added: true }, lines: [`${username} has an account, and may sign in.`] };
    }
    case 'show': {
      requireSomebody(held);
      const user = toldUser(held, deployment.rules, Date.now());
      return { json: user, lines: linesAbout(user) };
    }
    case 'suspend': {
      const sessionsEnded = await suspendUser(deployment, held, request.unseen);
      const again = held.suspension === undefined ? '' : ' already';
      return {
        json: { username, suspended: true, sessionsEnded },
        lines: [
          `${username} is suspended${again}, and ${counted(sessionsEnded)} ended. Live requests end on every gate within two seconds.`,
        ],
      };
    }
    case 'restore': {
      const was = await restoreUser(deployment, held);
      const line = was ? `${username} may sign in again.` : `${username} was not suspended.`;
      return { json: { username, suspended: false }, lines: [line] };
    }
    case 'reset-password': {
      requireResettable(held, deployment);
      const password = await passwordOf(request.passwordFrom, terminal, username);
      const sessionsEnded = await resetPassword(deployment, held, password);
      const line = `${username} has another password, and ${counted(sessionsEnded)} ended.`;
      const note = `${username} is suspended, and stays so until "restore ${username}".`;
      const notes = stateOf(held.suspension) === 'suspended' ? [note] : [];
      return { json: { username, sessionsEnded }, lines: [line], notes };
    }
    case 'end-sessions': {
      requireSomebody(held);
      const sessionsEnded = await endSessions(deployment, username);
      const note = 'Tokens of the other identity provider stay good until they end; "suspend" takes those too.';
      const lines = [`${username} is signed out everywhere: ${counted(sessionsEnded)} ended.`];
      return { json: { username, sessionsEnded }, lines, notes: deployment.hasProvider ? [note] : [] };
    }
    case 'set': {
      const edit = readPreferenceEdit(deployment.rules, request.preference, request.value);
      const set = await setPreference(deployment, held, edit);
      const what = set.value === null ? 'unset: the default holds' : plain(JSON.stringify(set.value));
      return { json: set, lines: [`${set.preference} of ${username} is ${what}.`] };
    }
    case 'export': {
      requireSomebody(held);
      const all = exportUser(held, deployment.rules, Date.now());
      return { json: all, lines: [JSON.stringify(all, null, 2)] };
    }
    case 'erase': {
      requireSomebody(held);
      requireOwn(held, deployment);
      if (!request.yes) await confirmErasing(terminal, username);
      // Nobody can be under way beside an engine that is in this process.
      const usual = deployment.kind === 'embedded' ? undefined : SETTLE;
      const pause = settle ?? (() => delay(usual));
      const done: string[] = [];
      const say = (sentence: string): void => {
        done.push(sentence);
        if (!json) complain(sentence);
      };
      try {
        const erased = await eraseUser({ deployment, username, pause, say, now: Date.now });
        return { json: erased, lines: [`${username} is erased, and the name stays taken.`], notes: erased.left };
      } catch (error) {
        const far = done.length === 0 ? 'nothing is done yet' : `done is: ${done.join(' ')}`;
        throw new CommandError(`${sentenceFor(error)} Erasing is not finished (${far}). Run it again; it goes on.`);
      }
    }
  }
}

const counted = (sessions: number): string => (sessions === 1 ? 'one session is' : `${sessions} sessions are`);

const passwordOf = (from: PasswordSource, terminal: Terminal, username: string): Promise<string> =>
  from === 'stdin' ? passwordFromInput(terminal.input) : askNewPassword(terminal, username);

function configOf(env: UsersCommandOptions['env']): Config {
  try {
    return readConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) throw new CommandError(error.message);
    throw error;
  }
}

function sentenceFor(error: unknown): string {
  if (error instanceof UsageError) return `${error.message} --help has all.`;
  if (error instanceof CommandError || error instanceof SetUpError) return error.message;
  if (error instanceof HttpError) {
    return error.status >= 500 ? `${error.message} Look with "doctor", and run this again.` : error.message;
  }
  return `This failed in a way that nobody expected: ${reasonOf(error)}`;
}
