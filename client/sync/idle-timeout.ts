/** Detects a connection on which nothing arrives any more. */
import type { Emitter } from '../platform/emitter.ts';

/** A request without a response for longer than this is sent again when the network may be back. In milliseconds. */
export const MIN_HUNG_MS = 1_000;

/** How often the idle timeout of a run is checked within a heartbeat. */
export const CHECKS_PER_HEARTBEAT = 5;

/**
 * The server counts as busy if a run takes longer than this from its first response until it is live. Reconnects because of
 * late heartbeats would increase its load, so the idle timeout is then longer.
 */
export const MIN_SLOW_START_MS = 3_000;
export const SLOW_TIMEOUT_FACTOR = 2.5;
/** How long the head of the first longpoll after a timeout may take. */
export const MAX_HEAD_WAIT_MS = 3_000;

export interface IdleTimeoutOptions {
  /** The current time in milliseconds. */
  readonly now: () => number;
  /** Emits when the computer or the page may have woken up: the timeout is then checked at once. */
  readonly wakeEmitter: Emitter;
  readonly checkIntervalMs: number;
  /** How long nothing may arrive, in milliseconds. Read at every check. */
  readonly timeoutMs: () => number;
  readonly onTimeout: () => void;
}

export interface IdleTimeout {
  /** Restarts the timeout. */
  readonly recordActivity: () => void;
  /** When something last arrived, in milliseconds since 1970. */
  readonly lastActivityAt: () => number;
}

/**
 * Starts a timeout that runs until `signal` is aborted. It compares times of the clock, which advances while a computer
 * sleeps; timers do not. A clock that was set back counts as a timeout too.
 */
export function startIdleTimeout(options: IdleTimeoutOptions, signal: AbortSignal): IdleTimeout {
  const { now, wakeEmitter, checkIntervalMs, timeoutMs, onTimeout } = options;
  let lastActivityAt = now();
  const check = (): void => {
    if (Math.abs(now() - lastActivityAt) > timeoutMs()) onTimeout();
  };
  const timer = setInterval(check, checkIntervalMs);
  const unsubscribe = wakeEmitter.subscribe(check);
  signal.addEventListener('abort', () => {
    clearInterval(timer);
    unsubscribe();
  });
  return {
    recordActivity: () => {
      lastActivityAt = now();
    },
    lastActivityAt: () => lastActivityAt,
  };
}
