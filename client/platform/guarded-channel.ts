/** A channel between tabs that may be missing or fail. Messages are then lost, and the channel is reopened at intervals. */
import type { BroadcastTransport } from './environment.ts';
import type { Report } from './health.ts';
import { delay } from './pace.ts';
import type { PlatformTiming } from './timing.ts';

export interface GuardedChannelOptions {
  readonly open: () => BroadcastTransport;
  readonly timing: PlatformTiming;
  readonly report: Report;
  /** Ends all retries. */
  readonly signal: AbortSignal;
}

/** Opens the channel, and returns one that never throws and that reopens it after a failure. */
export function guardChannel({ open, timing, report, signal }: GuardedChannelOptions): BroadcastTransport {
  let channel: BroadcastTransport | undefined;
  let isClosed = false;
  const closeChannel = (): void => {
    try {
      channel?.close();
    } catch {
      // A channel that cannot be closed is no longer used.
    }
    channel = undefined;
  };
  const guarded: BroadcastTransport = {
    postMessage: (message) => {
      if (isClosed) return;
      try {
        channel?.postMessage(message);
      } catch {
        fail();
      }
    },
    onmessage: null,
    close: () => {
      isClosed = true;
      closeChannel();
    },
  };
  const tryToOpen = (): void => {
    try {
      channel = open();
      channel.onmessage = (event) => guarded.onmessage?.(event);
      report(true);
    } catch {
      fail();
    }
  };
  const fail = (): void => {
    closeChannel();
    report(false);
    void delay(timing.retryMs, signal).then(() => {
      if (!signal.aborted) tryToOpen();
    });
  };
  tryToOpen();
  return guarded;
}
