/** Observes one longpoll: whether the server holds it open, and what has arrived of it. */
import type { LongpollProgress } from '../buffering.ts';

/** The gate holds a longpoll without rows for at least a second. One that ends earlier was not held. */
const MIN_HOLD_MS = 900;

/** How long the server holds a bounded longpoll, in milliseconds: proxies wait for a response for 30 seconds or more. */
export const BOUNDED_LONGPOLL_MS = 20_000;

/** The start of a longpoll's body, before the first row. */
const OPEN_BODY = /^\W*results\W*$/;

/**
 * - `immediate`: a longpoll counts as open at the start of its body.
 * - `held`: it also has to be held for a while. The last run may have failed at its longpoll.
 * - `bounded`: nothing arrives before it ends, so it counts as open when it has been held for a while.
 */
export type LongpollMode = 'immediate' | 'held' | 'bounded';

export interface LongpollObserver {
  /** Whether the longpoll has been held for long enough. */
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
  let hasHead = mode === 'bounded';
  let wasHeldOpen = false;
  onProgress('sent');
  const holdTimer = setTimeout(() => {
    wasHeldOpen = true;
    if (hasHead) onOpen();
  }, MIN_HOLD_MS);
  return {
    wasHeldOpen: () => wasHeldOpen,
    onText: (text) => {
      if (mode === 'bounded') return;
      if (hasHead) onProgress('heartbeat');
      if (hasHead || !OPEN_BODY.test(text)) return;
      hasHead = true;
      onProgress('head');
      if (wasHeldOpen || mode === 'immediate') onOpen();
    },
    stop: () => {
      clearTimeout(holdTimer);
      onProgress('none');
    },
  };
}

/** Replaces the heartbeats that PouchDB requests by a timeout. Returns the query with its question mark. */
export function boundedQuery(searchParams: URLSearchParams): string {
  const bounded = new URLSearchParams(searchParams);
  bounded.delete('heartbeat');
  bounded.set('timeout', String(BOUNDED_LONGPOLL_MS));
  return `?${String(bounded)}`;
}
