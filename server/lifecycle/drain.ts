import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { ConnectionTracker } from './connection-tracker.ts';

/** The live requests of this process. */
export interface LiveRequests {
  readonly size: number;
  /** The current live requests; `end` ends one as a held, empty 200 response. */
  all(): readonly { end(): void }[];
}

export interface DrainOptions {
  readonly connections: ConnectionTracker;
  readonly live: LiveRequests;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  /** The time over which live requests are ended, in ms. */
  readonly spreadMs: number;
}

/** The time between two batches of ended live requests, in ms. */
const STEP_INTERVAL_MS = 50;
/** How often, in ms, live requests are ended that arrived on keep-alive connections during the drain. */
const LATE_ARRIVAL_INTERVAL_MS = 200;
/** How long, in ms, other requests may take after the last live request; then their connections are destroyed. */
const DRAIN_GRACE_MS = 10_000;

/**
 * Stops a server without losing a response. It refuses new connections, finishes writes and other requests in progress, and
 * ends live requests gradually: ended together, they would all reconnect to the other gates at once. Resolves when the last
 * connection is closed. It destroys connections that exceed the deadline.
 */
export async function drain({ connections, live, log, spreadMs }: DrainOptions): Promise<void> {
  const startedAt = performance.now();
  log.info({ live: live.size, underWay: connections.activeRequests, seconds: spreadMs / 1000 }, 'Draining.');
  const abortController = new AbortController();
  const drained = connections.drain();
  const { signal } = abortController;
  const deadline = delay(spreadMs + DRAIN_GRACE_MS, undefined, { signal }).then(
    () => {
      log.warn({ underWay: connections.activeRequests }, 'Some requests took too long. Their connections are closed.');
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

/** Ends live requests evenly over `spreadMs`, then those that still arrive, until `signal` is aborted. */
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
    for (const request of live.all()) request.end();
    await sleep(LATE_ARRIVAL_INTERVAL_MS, signal);
  }
}

/** Returns how many of `count` requests are due to end after `elapsedMs` of `spreadMs`. */
const dueCount = (elapsedMs: number, spreadMs: number, count: number): number =>
  elapsedMs >= spreadMs ? count : Math.min(count, Math.ceil((elapsedMs / spreadMs) * count));

const sleep = (ms: number, signal: AbortSignal): Promise<void> =>
  delay(ms, undefined, { signal }).catch(() => undefined);
