import { PassThrough } from 'node:stream';
import { parseUsername, type Username } from '../../couchdb-design/user-document/user-document.ts';
import { startForTests, type TestGate } from './test-gate.ts';
import type { TestUpstream } from './test-database.ts';
import { usersCommand, type UsersCommandOptions } from '../cli/users/command.ts';

/** The real command, run as `npm run users` does, for tests. */
export interface RanUsers {
  readonly code: number;
  /** What went to the standard output. */
  readonly said: string;
  /** What was complained of, and told beside the answer. */
  readonly complaints: string;
  /** What a person at the terminal saw. */
  readonly shown: string;
}

export interface RunUsers extends Partial<Pick<UsersCommandOptions, 'settle'>> {
  /** What is typed at the terminal, or comes on the standard input. */
  readonly typed?: string;
  /** Whether there is a person; by default there is none. */
  readonly atTerminal?: boolean;
}

type Env = Readonly<Record<string, string>>;

export const usersEnv = (upstream: Pick<TestUpstream, 'env'>): Env => ({
  ...upstream.env(),
  JWT_SECRET: 'a secret for tests, and for nothing else at all',
});

export async function runUsers(env: Env, argv: readonly string[], options: RunUsers = {}): Promise<RanUsers> {
  const { typed = '', atTerminal = false, settle = () => Promise.resolve() } = options;
  const [said, complaints]: [string[], string[]] = [[], []];
  let shown = '';
  const input = Object.assign(new PassThrough(), { isTTY: atTerminal, setRawMode: () => undefined });
  input.write(typed);
  // At a terminal the input goes on.
  if (!atTerminal) input.end();
  const output = new PassThrough().on('data', (chunk: Buffer) => (shown += chunk.toString()));
  const code = await usersCommand({
    argv,
    env,
    print: (line) => said.push(line),
    complain: (line) => complaints.push(line),
    terminal: { input, output },
    settle,
  });
  return { code, said: said.join('\n'), complaints: complaints.join('\n'), shown };
}

export const PASSWORD = 'correct-horse-battery';

/** A gate, and the command on the same upstream. */
export interface UsersStage {
  readonly gate: TestGate;
  newName(): Username;
  run(argv: readonly string[], options?: RunUsers): Promise<RanUsers>;
  /** Runs it, and expects no complaint; resolves with what it says. */
  done(argv: readonly string[], options?: RunUsers): Promise<string>;
  json<T>(argv: readonly string[]): Promise<T>;
  /** Runs it, and expects that it is not done, and why. */
  refused(argv: readonly string[], sentence: string | RegExp, options?: RunUsers): Promise<void>;
  /** A user with an account, and `PASSWORD`. */
  added(): Promise<Username>;
  signIn(username: string, password?: string): Promise<Response>;
}

export async function openUsersStage(): Promise<UsersStage> {
  const gate = await startForTests();
  let count = 0;
  const stage: UsersStage = {
    gate,
    newName: () => {
      const username = parseUsername(gate.upstream.account(`person${(count += 1)}`));
      if (username === undefined) throw new Error('that is a username');
      return username;
    },
    run: (argv, options = {}) => runUsers(usersEnv(gate.upstream), argv, options),
    done: async (argv, options = {}) => {
      const { code, said, complaints } = await stage.run(argv, options);
      expect([code, complaints]).toEqual([0, '']);
      return said;
    },
    json: async <T>(argv: readonly string[]) => JSON.parse(await stage.done([...argv, '--json'])) as T,
    refused: async (argv, sentence, options = {}) => {
      const { code, said, complaints } = await stage.run(argv, options);
      expect([code, said]).toEqual([1, '']);
      expect(complaints).toMatch(sentence);
    },
    added: async () => {
      const name = stage.newName();
      await stage.done(['add', name, '--password-stdin'], { typed: `${PASSWORD}\n` });
      return name;
    },
    signIn: (username, password = PASSWORD) =>
      fetch(`${gate.url}/api/auth/sign-in`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ username, password }),
      }),
  };
  return stage;
}
