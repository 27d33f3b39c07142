import { parseUsername } from '../../couchdb-design/user-document/user-document.ts';
import type { Config } from '../config/config.ts';
import { HttpError } from '../http/errors.ts';
import type { Identity } from '../identity/identity.ts';

export interface DemoUser {
  readonly username: string;
  readonly password: string;
}

const DEMO_USER: DemoUser = { username: 'demo', password: 'try-pouchgate' };
const LOOPBACK_HOSTS = ['127.0.0.1', '::1', 'localhost'];

/**
 * Registers a user with a known password for a first look at Pouchgate. It does so only if no other machine can reach the
 * server: with the embedded engine, on a loopback address and without a public URL. Otherwise it resolves with `undefined`.
 */
export async function createDemoUser(config: Config, identity: Identity): Promise<DemoUser | undefined> {
  const username = parseUsername(DEMO_USER.username);
  const isReachable = !LOOPBACK_HOSTS.includes(config.host) || config.publicUrl !== undefined;
  if (username === undefined || config.upstream.kind !== 'embedded' || isReachable || identity.sign === undefined)
    return undefined;
  try {
    await identity.accounts.register(username, DEMO_USER.password);
  } catch (error) {
    // 409: an earlier start registered the user.
    if (!(error instanceof HttpError) || error.status !== 409) throw error;
  }
  return DEMO_USER;
}
