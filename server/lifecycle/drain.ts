import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { ConnectionTracker } from './connection-tracker.ts';

/** What holds the live requests. */
export interface LiveRequests {
  readonly size: number;
  /** All there are now; `end` ends one as a held, empty answer. */
  all(): readonly { end(): void }[];
}

export interface DrainOptions {
  readonly connections: ConnectionTracker;
  readonly live: LiveRequests;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  /** Over how long live requests are ended, in ms. */
  readonly spreadMs: number;
}

/** How often the next few live requests are ended, in ms. */
const STEP_INTERVAL_MS = 50;
/** How often those are ended that came by a kept connection meanwhile, in ms. */
const LATE_ARRIVAL_INTERVAL_MS = 200;
/** How much longer than the live requests the others may take, in ms; then they are broken off. */
const DRAIN_GRACE_MS = 10_000;

/**
 * Ends a server's work so that nobody loses anything by it: takes no new connection, ends live requests one after the
 * other, since all at once would be a storm on whoever takes over, finishes writes and all else that is under way.
 * Resolves when the last connection is gone; what takes too long is broken off.
 */
export async function drain({ connections, live, log, spreadMs }: DrainOptions): Promise<void> {
  const startedAt = performance.now();
  log.info({ live: live.size, underWay: connections.activeRequests, seconds: spreadMs / 1000 }, 'Draining.');
  const abortController = new AbortController();
  const drained = connections.drain();
  const { signal } = abortController;
  const deadline = delay(spreadMs + DRAIN_GRACE_MS, undefined, { signal }).then(
    () => {
      log.warn({ underWay: connections.activeRequests }, 'Some requests take too long, and are broken off.');
      connections.destroyAll();
    },
    () => undefined,
  );
  const ending = endLiveRequests(live, spreadMs, signal);
  await drained;
  abortController.abort();
  await Promise.all([deadline, ending]);
  log.info({ ms: Math.round(performance.now() - startedAt) }, 'Drained.');
}

/** Ends live requests evenly over `spreadMs`, and then whatever still comes, until there is nobody left to come. */
async function endLiveRequests(live: LiveRequests, spreadMs: number, signal: AbortSignal): Promise<void> {
  const startedAt = performance.now();
  const requests = live.all();
  let endedCount = 0;
  while (endedCount < requests.length && !signal.aborted) {
    const due = dueCount(performance.now() - startedAt, spreadMs, requests.length);
    for (; endedCount < due; endedCount += 1) requests[endedCount]?.end();
    await sleep(STEP_INTERVAL_MS, signal);
  }
  while (!signal.aborted) {
    for (const latecomer of live.all()) latecomer.end();
    await sleep(LATE_ARRIVAL_INTERVAL_MS, signal);
  }
}

/** How many of `count` are to be ended once `elapsed` of `spread` ms are over. */
export const dueCount = (elapsedMs: number, spreadMs: number, count: number): number =>
  elapsedMs >= spreadMs ? count : Math.min(count, Math.ceil((elapsedMs / spreadMs) * count));

const sleep = (ms: number, signal: AbortSignal): Promise<void> =>
  delay(ms, undefined, { signal }).catch(() => undefined);
