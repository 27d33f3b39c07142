import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Connections } from './connection-tracker.ts';

/** What holds the live requests. */
export interface LiveRequests {
  readonly size: number;
  /** All there are now; `end` ends one as a held, empty answer. */
  all(): readonly { end(): void }[];
}

export interface DrainOptions {
  readonly connections: Connections;
  readonly live: LiveRequests;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  /** Over how long live requests are ended, in ms. */
  readonly spreadMs: number;
}

/** How often the next few live requests are ended, in ms. */
const STEP = 50;
/** How often those are ended that came by a kept connection meanwhile, in ms. */
const LATECOMERS = 200;
/** How much longer than the live requests the others may take, in ms; then they are broken off. */
const LONGEST_REST = 10_000;

/**
 * Ends a server's work so that nobody loses anything by it: takes no new connection, ends live requests one after the
 * other, since all at once would be a storm on whoever takes over, finishes writes and all else that is under way.
 * Resolves when the last connection is gone; what takes too long is broken off.
 */
export async function drain({ connections, live, log, spreadMs }: DrainOptions): Promise<void> {
  const begun = performance.now();
  log.info({ live: live.size, underWay: connections.underWay, seconds: spreadMs / 1000 }, 'Draining.');
  const over = new AbortController();
  const drained = connections.drain();
  const { signal } = over;
  const late = delay(spreadMs + LONGEST_REST, undefined, { signal }).then(
    () => {
      log.warn({ underWay: connections.underWay }, 'Some requests take too long, and are broken off.');
      connections.cut();
    },
    () => undefined,
  );
  const ending = endLive(live, spreadMs, signal);
  await drained;
  over.abort();
  await Promise.all([late, ending]);
  log.info({ ms: Math.round(performance.now() - begun) }, 'Drained.');
}

/** Ends live requests evenly over `spreadMs`, and then whatever still comes, until there is nobody left to come. */
async function endLive(live: LiveRequests, spreadMs: number, signal: AbortSignal): Promise<void> {
  const begun = performance.now();
  const now = live.all();
  let ended = 0;
  while (ended < now.length && !signal.aborted) {
    const due = dueBy(performance.now() - begun, spreadMs, now.length);
    for (; ended < due; ended += 1) now[ended]?.end();
    await pause(STEP, signal);
  }
  while (!signal.aborted) {
    for (const latecomer of live.all()) latecomer.end();
    await pause(LATECOMERS, signal);
  }
}

/** How many of `count` are to be ended once `elapsed` of `spread` ms are over. */
export const dueBy = (elapsed: number, spread: number, count: number): number =>
  elapsed >= spread ? count : Math.min(count, Math.ceil((elapsed / spread) * count));

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  delay(ms, undefined, { signal }).catch(() => undefined);
