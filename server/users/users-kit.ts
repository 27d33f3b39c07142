import { PassThrough } from 'node:stream';
import type { TestUpstream } from '../upstream/upstream-for-tests.ts';
import { usersCommand, type UsersCommandOptions } from './command.ts';

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
