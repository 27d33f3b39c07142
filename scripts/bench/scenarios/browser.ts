import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { z } from 'zod';
import { CHROMIUM_FLAGS, findChromium, requireChromium } from '../../browser/testing/chromium.ts';
import { measureClick } from '../../browser/testing/click-latency.ts';
import { createTestUser, PAGE_DIRECTORY } from '../../browser/testing/harness.ts';
import type { BrowserResult } from '../report/result.ts';
import { summarizeTimes } from '../report/statistics.ts';
import { createAdminClient } from '../servers/admin-client.ts';
import { allocateGatePorts, startGate, type Gate } from '../servers/fronts.ts';
import { NO_ARGUMENT, waitForIdleDatabase, type BenchEnvironment } from './environment.ts';
import { CONNECTIONS_PER_SECOND, rampTimeoutMs } from './live.ts';

export interface BrowserOptions {
  /** Other live users, whose clients are not browsers. */
  readonly users: number;
  /** Duration of the writes to the other users' documents, in seconds. */
  readonly seconds: number;
  readonly writesPerSecond: number;
}

/** Clicks before the measurement: the page compiles its code during the first ones. */
const WARM_UP_CLICKS = 4;
const MIN_CLICKS = 20;

/** Returns why browsers cannot be measured, in a sentence; undefined if they can. */
export function reasonWithoutBrowser(): string | undefined {
  if (findChromium() === undefined) return 'Browsers were not measured, since Chromium is not installed.';
  if (existsSync(join(PAGE_DIRECTORY, 'index.html'))) return undefined;
  return 'Browsers were not measured, since the page is not built (npm run build).';
}

/**
 * Measures the time from a click in one browser until a second browser of the same user shows the change, while other users are
 * live and their documents are written.
 */
export async function runBrowser(environment: BenchEnvironment, options: BrowserOptions): Promise<BrowserResult> {
  const { callLoadGenerator, upstream, secret, log } = environment;
  const { users, seconds, writesPerSecond } = options;
  log(`browser to browser, ${users} users: starting`);
  await callLoadGenerator('prepare', { count: users });
  const gate = await startGate(upstream, secret, await allocateGatePorts());
  const username = `bench-${randomBytes(6).toString('hex')}`;
  try {
    const { parked } = await callLoadGenerator('begin', {
      endpoint: gate.endpoint,
      count: users,
      perSecond: CONNECTIONS_PER_SECOND,
      timeoutMs: rampTimeoutMs(users),
    });
    await waitForIdleDatabase(environment);
    const times = await measureClicks(gate, username, () =>
      callLoadGenerator('write', { perSecond: writesPerSecond, seconds }, (seconds + 120) * 1_000),
    );
    return { users, parked, writesPerSecond, clickToDom: summarizeTimes(times) ?? null };
  } finally {
    await callLoadGenerator('end', NO_ARGUMENT).catch(() => undefined);
    await gate.child.stop();
    await deleteAccount(environment, username).catch(() => log(`Could not delete the account ${username}.`));
    await waitForIdleDatabase(environment);
  }
}

/** Clicks in one browser while `write` is pending, one click after the other. Resolves with the times in ms. */
async function measureClicks(gate: Gate, username: string, write: () => Promise<unknown>): Promise<number[]> {
  const browser = await chromium.launch({ executablePath: requireChromium(), args: CHROMIUM_FLAGS });
  try {
    const user = createTestUser(browser, gate.url, username);
    const [left, right] = [await user.openBrowser(), await user.openBrowser()];
    const times: number[] = [];
    let clicks = 0;
    const click = (): Promise<number> => measureClick(left.page, right.page, clicks++ % 2 === 0 ? 'table' : 'graph');
    while (clicks < WARM_UP_CLICKS) await click();
    const writing: { isDone: boolean } = { isDone: false };
    const written = write().finally(() => {
      writing.isDone = true;
    });
    while (!writing.isDone || times.length < MIN_CLICKS) times.push(await click());
    await written;
    return times;
  } finally {
    await browser.close();
  }
}

const accountSchema = z.object({ _rev: z.string() });

async function deleteAccount({ upstream }: BenchEnvironment, username: string): Promise<void> {
  const admin = createAdminClient(upstream.access);
  const path = `/_users/${encodeURIComponent(`org.couchdb.user:${username}`)}`;
  const account = accountSchema.safeParse((await admin('GET', path)).body).data;
  if (account !== undefined) await admin('DELETE', `${path}?rev=${account._rev}`);
}
