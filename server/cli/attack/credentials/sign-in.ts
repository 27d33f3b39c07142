import { randomBytes } from 'node:crypto';
import { getString, parseJson } from '../../../lib/json.ts';
import { CommandError } from '../../command-error.ts';
import type { AttackClient } from '../http/attack-client.ts';
import { headerValues, type ObservedResponse } from '../http/observed-response.ts';
import type { AttackTarget } from '../target.ts';
import type { Credentials } from '../users/test-user.ts';

export interface NameAndPassword {
  readonly username: string;
  readonly password: string;
}

/** Makes a name that no person has, and a random password. */
export const newAccount = (label: string): NameAndPassword => ({
  username: `attack-${label.toLowerCase()}-${randomBytes(4).toString('hex')}`,
  password: randomBytes(18).toString('base64url'),
});

/**
 * Creates an account, or signs in to an existing one.
 *
 * @throws {CommandError} With the server's reason.
 */
export async function signIn(
  client: AttackClient,
  { api }: Pick<AttackTarget, 'api'>,
  path: 'register' | 'sign-in',
  account: NameAndPassword,
): Promise<Credentials> {
  const outcome = await client.send({
    method: 'POST',
    target: `${api}/auth/${path}`,
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(account),
  });
  if (typeof outcome === 'string') throw new CommandError('The server closed the connection without a response.');
  const token = getString(parseJson(outcome.body), 'accessToken');
  if (token === undefined) throw refusal(outcome, path, account.username);
  const [cookie] = headerValues(outcome, 'set-cookie').map((value) => value.split(';', 1)[0] ?? '');
  return { token, ...(cookie === undefined ? {} : { cookie }) };
}

/** Ends the session. A session that the attack has ended already is no error. */
export async function signOut(
  client: AttackClient,
  { api }: Pick<AttackTarget, 'api'>,
  { cookie }: Credentials,
): Promise<void> {
  if (cookie === undefined) return;
  await client.send({ method: 'POST', target: `${api}/auth/sign-out`, headers: { Cookie: cookie } });
}

function refusal({ status, body }: ObservedResponse, path: string, username: string): CommandError {
  const reason = getString(parseJson(body), 'reason') ?? `The server responds with ${status}.`;
  const advice =
    path === 'register' && [403, 404, 405].includes(status)
      ? ' Use two existing accounts with --users, or tokens in ATTACK_TOKEN_A and ATTACK_TOKEN_B.'
      : '';
  return new CommandError(
    `${username} could not ${path === 'register' ? 'be registered' : 'sign in'}: ${reason}${advice}`,
  );
}
