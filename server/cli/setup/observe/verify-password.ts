import { setTimeout as pause } from 'node:timers/promises';
import type { Upstream } from '../../../upstream/client.ts';

/** Signs in as an account. The password goes in the body, to the place that is configured and no other. */
export async function isPassword(
  { fetch }: Pick<Upstream, 'fetch'>,
  username: string,
  password: string,
): Promise<boolean> {
  const answer = await fetch('/_session', {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify({ name: username, password }),
    redirect: 'manual',
  });
  await answer.arrayBuffer();
  return answer.ok;
}

/** In ms; no more than four, since the fifth failure locks the account for minutes. */
const WAITS = [100, 300, 1_000, 3_000];

/** CouchDB keeps accounts in a cache, and hears of a change a moment later. */
export async function whenPassword(
  upstream: Pick<Upstream, 'fetch'>,
  username: string,
  password: string,
): Promise<void> {
  for (const wait of WAITS) {
    await pause(wait);
    if (await isPassword(upstream, username, password)) return;
  }
}
