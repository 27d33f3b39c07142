import { setTimeout as delay } from 'node:timers/promises';
import type { Upstream } from '../../../upstream/client.ts';

/** Signs in as an account. Sends the password in the body, and follows no redirect. */
export async function verifyPassword(
  { fetch }: Pick<Upstream, 'fetch'>,
  username: string,
  password: string,
): Promise<boolean> {
  const response = await fetch('/_session', {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify({ name: username, password }),
    redirect: 'manual',
  });
  await response.arrayBuffer();
  return response.ok;
}

/** At most four, because the fifth failure locks the account for minutes. */
const RETRY_DELAYS_MS = [100, 300, 1_000, 3_000];

/** Waits until CouchDB, which caches accounts, accepts a new password. Resolves in any case after the last attempt. */
export async function waitForPassword(
  upstream: Pick<Upstream, 'fetch'>,
  username: string,
  password: string,
): Promise<void> {
  for (const delayMs of RETRY_DELAYS_MS) {
    await delay(delayMs);
    if (await verifyPassword(upstream, username, password)) return;
  }
}
