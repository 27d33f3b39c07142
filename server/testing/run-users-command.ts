import { PassThrough } from 'node:stream';
import { parseUsername, type Username } from '../../couchdb-design/user-document/user-document.ts';
import { startTestGate, type TestGate } from './test-gate.ts';
import type { TestUpstream } from './test-database.ts';
import { usersCommand, type UsersCommandOptions } from '../cli/users/command.ts';

/** The result of the users command, run as `npm run users` does. */
export interface UsersCommandResult {
  readonly code: number;
  /** The lines on standard output. */
  readonly stdout: string;
  /** The errors, warnings and notes. */
  readonly stderr: string;
  /** What the terminal displayed. */
  readonly terminalOutput: string;
}

export interface RunUsersOptions extends Partial<Pick<UsersCommandOptions, 'waitForGates'>> {
  /** The input of the terminal, or standard input. */
  readonly input?: string;
  /** Whether the input is a terminal. Default: false. */
  readonly isTty?: boolean;
}

type Env = Readonly<Record<string, string>>;

/** The environment of a gate on `upstream`. */
export const usersCommandEnv = (upstream: Pick<TestUpstream, 'env'>): Env => ({
  ...upstream.env(),
  JWT_SECRET: 'a secret for tests, and for nothing else at all',
});

/** Runs the command in this process, without waiting for gates unless `waitForGates` is given. */
export async function runUsersCommand(
  env: Env,
  argv: readonly string[],
  options: RunUsersOptions = {},
): Promise<UsersCommandResult> {
  const { input: typedInput = '', isTty = false, waitForGates = () => Promise.resolve() } = options;
  const [outputLines, errorLines]: [string[], string[]] = [[], []];
  let terminalOutput = '';
  const input = Object.assign(new PassThrough(), { isTTY: isTty, setRawMode: () => undefined });
  input.write(typedInput);
  // The input of a terminal does not end.
  if (!isTty) input.end();
  const output = new PassThrough().on('data', (chunk: Buffer) => (terminalOutput += chunk.toString()));
  const code = await usersCommand({
    argv,
    env,
    print: (line) => outputLines.push(line),
    printError: (line) => errorLines.push(line),
    terminal: { input, output },
    waitForGates,
  });
  return { code, stdout: outputLines.join('\n'), stderr: errorLines.join('\n'), terminalOutput };
}

export const PASSWORD = 'correct-horse-battery';

/** A gate and the users command on the same upstream. */
export interface UsersFixture {
  readonly gate: TestGate;
  newName(): Username;
  run(argv: readonly string[], options?: RunUsersOptions): Promise<UsersCommandResult>;
  /** Expects success without errors or notes. Resolves with standard output. */
  runSuccessfully(argv: readonly string[], options?: RunUsersOptions): Promise<string>;
  runJson<T>(argv: readonly string[]): Promise<T>;
  /** Expects exit code 1 and an error that matches. */
  expectFailure(argv: readonly string[], sentence: string | RegExp, options?: RunUsersOptions): Promise<void>;
  /** Adds a user with the password `PASSWORD`. */
  addUser(): Promise<Username>;
  signIn(username: string, password?: string): Promise<Response>;
}

/** Starts a gate on the test upstream. Close `gate` at the end. */
export async function createUsersFixture(): Promise<UsersFixture> {
  const gate = await startTestGate();
  let count = 0;
  const fixture: UsersFixture = {
    gate,
    newName: () => {
      const username = parseUsername(gate.upstream.accountName(`person${(count += 1)}`));
      if (username === undefined) throw new Error('The account name is not a username.');
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
