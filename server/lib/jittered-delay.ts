import { setTimeout as delay } from 'node:timers/promises';

/**
 * Waits before a write is retried after a conflict: 5 to 15 ms times `attempt`. The jitter separates two writers that
 * collided, and the delay lets a lagging replica of a cluster catch up.
 */
export const delayWithJitter = (attempt: number): Promise<void> => delay(attempt * 10 * (0.5 + Math.random()));
