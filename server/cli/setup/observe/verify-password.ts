import { setTimeout as pause } from 'node:timers/promises';
import type { Upstream } from '../../../upstream/client.ts';

/** Signs in as an account. The password goes in the body, to the place that is configured and no other. */
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

/** In ms; no more than four, since the fifth failure locks the account for minutes. */
const RETRY_DELAYS_MS = [100, 300, 1_000, 3_000];

/** CouchDB keeps accounts in a cache, and hears of a change a moment later. */
export async function waitForPassword(
  upstream: Pick<Upstream, 'fetch'>,
  username: string,
  password: string,
): Promise<void> {
  for (const delayMs of RETRY_DELAYS_MS) {
    await pause(delayMs);
    if (await verifyPassword(upstream, username, password)) return;
  }
}
