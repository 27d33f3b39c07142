/** Observes one longpoll: whether the server holds it open, and what has arrived of it. */
import { BOUNDED_RESPONSE_MS, type LongpollProgress } from '../buffering.ts';

/** The gate holds a longpoll without rows for at least a second. One that ends earlier was not held. */
const MIN_HOLD_MS = 900;

/** The start of a longpoll's body, before the first row. */
const OPEN_BODY = /^\W*results\W*$/;

/**
 * - `immediate`: a longpoll counts as open at the start of its body.
 * - `held`: it must also stay open for a minimum time, because the last run may have failed at its longpoll.
 * - `bounded`: nothing may arrive before it ends, so it counts as open after the minimum time.
 */
export type LongpollMode = 'immediate' | 'held' | 'bounded';

export interface LongpollObserver {
  /** Whether the longpoll has been open for the minimum time. */
  readonly wasHeldOpen: () => boolean;
  /** Takes the body received so far. */
  readonly onText: (text: string) => void;
  readonly stop: () => void;
}

/** Calls `onOpen` once the server holds the longpoll open, and `onProgress` when something arrives. */
export function observeLongpoll(
  mode: LongpollMode,
  onOpen: () => void,
  onProgress: (progress: LongpollProgress) => void,
): LongpollObserver {
  let hasHead = false;
  let wasHeldOpen = false;
  onProgress('sent');
  const holdTimer = setTimeout(() => {
    wasHeldOpen = true;
    if (hasHead || mode === 'bounded') onOpen();
  }, MIN_HOLD_MS);
  return {
    wasHeldOpen: () => wasHeldOpen,
    onText: (text) => {
      if (!OPEN_BODY.test(text)) return;
      onProgress(hasHead ? 'heartbeat' : 'head');
      if (hasHead) return;
      hasHead = true;
      if (wasHeldOpen || mode === 'immediate') onOpen();
    },
    stop: () => {
      clearTimeout(holdTimer);
      onProgress('none');
    },
  };
}

/** Adds the timeout of a bounded longpoll to a query. */
export const boundedQuery = (query: string): string => `${query}&timeout=${BOUNDED_RESPONSE_MS}`;
