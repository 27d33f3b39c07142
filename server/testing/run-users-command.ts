import { PassThrough } from 'node:stream';
import { parseUsername, type Username } from '../../couchdb-design/user-document/user-document.ts';
import { startTestGate, type TestGate } from './test-gate.ts';
import type { TestUpstream } from './test-database.ts';
import { usersCommand, type UsersCommandOptions } from '../cli/users/command.ts';

/** The real command, run as `npm run users` does, for tests. */
export interface UsersCommandResult {
  readonly code: number;
  /** What went to the standard output. */
  readonly stdout: string;
  /** What was complained of, and told beside the answer. */
  readonly stderr: string;
  /** What a person at the terminal saw. */
  readonly terminalOutput: string;
}

export interface RunUsersOptions extends Partial<Pick<UsersCommandOptions, 'waitForGates'>> {
  /** What is typed at the terminal, or comes on the standard input. */
  readonly input?: string;
  /** Whether there is a person; by default there is none. */
  readonly isTty?: boolean;
}

type Env = Readonly<Record<string, string>>;

export const usersCommandEnv = (upstream: Pick<TestUpstream, 'env'>): Env => ({
  ...upstream.env(),
  JWT_SECRET: 'a secret for tests, and for nothing else at all',
});

export async function runUsersCommand(
  env: Env,
  argv: readonly string[],
  options: RunUsersOptions = {},
): Promise<UsersCommandResult> {
  const { input: typedInput = '', isTty = false, waitForGates = () => Promise.resolve() } = options;
  const [said, complaints]: [string[], string[]] = [[], []];
  let terminalOutput = '';
  const input = Object.assign(new PassThrough(), { isTTY: isTty, setRawMode: () => undefined });
  input.write(typedInput);
  // At a terminal the input goes on.
  if (!isTty) input.end();
  const output = new PassThrough().on('data', (chunk: Buffer) => (terminalOutput += chunk.toString()));
  const code = await usersCommand({
    argv,
    env,
    print: (line) => said.push(line),
    printError: (line) => complaints.push(line),
    terminal: { input, output },
    waitForGates,
  });
  return { code, stdout: said.join('\n'), stderr: complaints.join('\n'), terminalOutput };
}

export const PASSWORD = 'correct-horse-battery';

/** A gate, and the command on the same upstream. */
export interface UsersFixture {
  readonly gate: TestGate;
  newName(): Username;
  run(argv: readonly string[], options?: RunUsersOptions): Promise<UsersCommandResult>;
  /** Runs it, and expects no complaint; resolves with what it says. */
  runSuccessfully(argv: readonly string[], options?: RunUsersOptions): Promise<string>;
  runJson<T>(argv: readonly string[]): Promise<T>;
  /** Runs it, and expects that it is not done, and why. */
  expectFailure(argv: readonly string[], sentence: string | RegExp, options?: RunUsersOptions): Promise<void>;
  /** A user with an account, and `PASSWORD`. */
  addUser(): Promise<Username>;
  signIn(username: string, password?: string): Promise<Response>;
}

export async function createUsersFixture(): Promise<UsersFixture> {
  const gate = await startTestGate();
  let count = 0;
  const fixture: UsersFixture = {
    gate,
    newName: () => {
      const username = parseUsername(gate.upstream.accountName(`person${(count += 1)}`));
      if (username === undefined) throw new Error('that is a username');
      return username;
    },
    run: (argv, options = {}) => runUsersCommand(usersCommandEnv(gate.upstream), argv, options),
    runSuccessfully: async (argv, options = {}) => {
      const { code, stdout, stderr } = await fixture.run(argv, options);
      expect([code, stderr]).toEqual([0, '']);
      return stdout;
    },
    runJson: async <T>(argv: readonly string[]) => JSON.parse(await fixture.runSuccessfully([...argv, '--json'])) as T,
    expectFailure: async (argv, sentence, options = {}) => {
      const { code, stdout, stderr } = await fixture.run(argv, options);
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toMatch(sentence);
    },
    addUser: async () => {
      const name = fixture.newName();
      await fixture.runSuccessfully(['add', name, '--password-stdin'], { input: `${PASSWORD}\n` });
      return name;
    },
    signIn: (username, password = PASSWORD) =>
      fetch(`${gate.url}/api/auth/sign-in`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ username, password }),
      }),
  };
  return fixture;
}
