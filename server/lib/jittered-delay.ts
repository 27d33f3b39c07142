import { setTimeout as delay } from 'node:timers/promises';

/**
 * Waits before the next attempt at what another write was in the way of: a little longer each time, and never the same for two
 * that met. A copy of a cluster that is behind has caught up by then.
 */
export const delayWithJitter = (attempt: number): Promise<void> => delay(attempt * 10 * (0.5 + Math.random()));
