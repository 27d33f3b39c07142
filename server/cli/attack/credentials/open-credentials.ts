import { readFile } from 'node:fs/promises';
import { CommandError, UsageError } from '../../command-error.ts';
import { promptPasswords, readPasswordLines, type Terminal } from '../../users/terminal.ts';
import type { AttackClient } from '../http/attack-client.ts';
import type { AttackOptions } from '../parse-options.ts';
import type { AttackTarget } from '../target.ts';
import type { Credentials } from '../users/test-user.ts';
import { newAccount, signIn } from './sign-in.ts';

export interface CredentialSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly terminal: Terminal;
  readonly client: AttackClient;
  readonly target: AttackTarget;
  /** Called with notes for the operator. */
  readonly onNote: (sentence: string) => void;
}

/**
 * Returns the credentials of the two users: of new accounts, of existing ones, or tokens that the operator has issued. Tokens and
 * passwords are never on the command line, where other users of the machine could read them.
 *
 * @throws {CommandError | UsageError} If there are none, or they are refused.
 */
export async function openCredentials(
  {
    register,
    users,
    tokenFiles,
    passwordStdin,
  }: Pick<AttackOptions, 'register' | 'users' | 'tokenFiles' | 'passwordStdin'>,
  { env, terminal, client, target, onNote }: CredentialSources,
): Promise<readonly [Credentials, Credentials]> {
  if (register) {
    const accounts = [newAccount('A'), newAccount('B')] as const;
    const credentials = await both(accounts, (account) => signIn(client, target, 'register', account));
    onNote(
      `The accounts ${accounts.map(({ username }) => username).join(' and ')} were created. "users erase" deletes them.`,
    );
    return credentials;
  }
  if (users !== undefined) {
    const [a, b] = users;
    const [passwordOfA = '', passwordOfB = ''] = passwordStdin
      ? await readPasswordLines(terminal.input, users.length)
      : await promptPasswords(terminal, users);
    const accounts = [
      { username: a, password: passwordOfA },
      { username: b, password: passwordOfB },
    ] as const;
    return both(accounts, (account) => signIn(client, target, 'sign-in', account));
  }
  return both(['A', 'B'] as const, async (label) => {
    const file = tokenFiles[label];
    const token = (file === undefined ? env[`ATTACK_TOKEN_${label}`] : await readToken(file))?.trim();
    if (token === undefined || token === '')
      throw new UsageError(
        'Pass two users: --register, --users <a>,<b>, or their tokens in ATTACK_TOKEN_A and ATTACK_TOKEN_B, or in files.',
      );
    if (!/^[\x21-\x7e]+$/.test(token)) throw new CommandError(`The token of user ${label} is not one line of text.`);
    return { token };
  });
}

async function readToken(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: unknown) => {
    throw new CommandError(`The token cannot be read: ${error instanceof Error ? error.message : String(error)}.`);
  });
}

/** One after the other, because registrations and sign-ins are limited. */
async function both<T>(
  [a, b]: readonly [T, T],
  open: (item: T) => Promise<Credentials>,
): Promise<readonly [Credentials, Credentials]> {
  return [await open(a), await open(b)];
}
