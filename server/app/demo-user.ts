import type { Logger } from 'pino';
import { parseUsername } from '../../couchdb-design/user-document/user-document.ts';
import type { Config } from '../config/config.ts';
import { HttpError } from '../http/errors.ts';
import type { Identity } from '../identity/identity.ts';

export interface DemoUser {
  readonly username: string;
  readonly password: string;
}

/** A user with a known password, for a first look at Pouchgate. */
const DEMO_USER: DemoUser = { username: 'demo', password: 'try-pouchgate' };
const LOOPBACK_HOSTS = ['127.0.0.1', '::1', 'localhost'];

type DemoConfig = Pick<Config, 'host' | 'publicUrl' | 'upstream'>;

/** Whether no other machine can reach the server: with the embedded engine, on a loopback address and without a public URL. */
const isPrivate = ({ host, publicUrl, upstream }: DemoConfig): boolean =>
  upstream.kind === 'embedded' && LOOPBACK_HOSTS.includes(host) && publicUrl === undefined;

/**
 * Registers the demo user if no other machine can reach the server.
 *
 * @param config - The configuration.
 * @param identity - The accounts.
 * @returns The user; undefined if there is none, because the server can be reached or a reachable one has removed it.
 */
export async function createDemoUser(config: DemoConfig, { accounts, sign }: Identity): Promise<DemoUser | undefined> {
  const username = parseUsername(DEMO_USER.username);
  if (username === undefined || !isPrivate(config) || sign === undefined) return undefined;
  try {
    await accounts.register(username, DEMO_USER.password);
  } catch (error) {
    if (!(error instanceof HttpError) || error.status !== 409) throw error;
    // An earlier start registered the user, or the name is another person's.
    if (!(await accounts.verifyPassword(username, DEMO_USER.password))) return undefined;
  }
  return DEMO_USER;
}

/**
 * Removes the demo user that an earlier start has created, if other machines can reach the server. Call it before the server
 * listens. A user of the same name with another password is kept.
 *
 * @param config - The configuration.
 * @param identity - The accounts and their sessions.
 * @param log - Reports the removal.
 */
export async function removeDemoUser(
  config: DemoConfig,
  { accounts, sessions }: Pick<Identity, 'accounts' | 'sessions'>,
  log: Pick<Logger, 'warn'>,
): Promise<void> {
  const username = parseUsername(DEMO_USER.username);
  // On a CouchDB no start creates it.
  if (username === undefined || isPrivate(config) || config.upstream.kind !== 'embedded') return;
  if (!(await accounts.verifyPassword(username, DEMO_USER.password))) return;
  await accounts.remove(username);
  await sessions.endAll(username, 'operator');
  log.warn(
    { username },
    'The demo account is removed, because other machines can reach this server and its password is known.',
  );
}
