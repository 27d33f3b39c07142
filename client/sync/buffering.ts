/**
 * Detects proxies that buffer a response until it is complete or exceeds a size. They delay the heartbeats of a longpoll.
 * Behind such a proxy the client requests bounded longpolls instead: the server completes their responses after a timeout.
 * Bounded longpolls have heartbeats as well. The first one that arrives shows that no proxy buffers.
 */

/** What a longpoll has received. `none`: none is open; `sent`: nothing; `head`: its start; `heartbeat`: more than that. */
export type LongpollProgress = 'none' | 'sent' | 'head' | 'heartbeat';

/** The timeout of a bounded response, in milliseconds. Proxies wait for a response for 30 seconds or more. */
export const BOUNDED_RESPONSE_MS = 20_000;

export interface BufferingDetector {
  /** Whether longpolls have to be bounded. */
  readonly isBuffering: () => boolean;
  /** Records what the open longpoll had received when its idle timeout expired. */
  readonly recordTimeout: (progress: LongpollProgress) => void;
  /** Records that a run ended for another reason. */
  readonly recordOther: () => void;
  /** Records that a heartbeat has arrived before its response was complete, so no proxy buffers. */
  readonly recordHeartbeat: () => void;
}

/** How long a detection is valid: the device may move to another network without an event. */
const MEMORY_MS = 600_000;

/**
 * Creates a detector. A longpoll of which nothing has arrived is buffered. One that stops after its head may have lost its
 * connection at that moment, so only two consecutive ones count.
 */
export function createBufferingDetector(now: () => number): BufferingDetector {
  let detectedAt = -Infinity;
  let headTimeouts = 0;
  const detect = (): void => {
    detectedAt = now();
    headTimeouts = 0;
  };
  return {
    isBuffering: () => now() - detectedAt < MEMORY_MS,
    recordTimeout: (progress) => {
      headTimeouts = progress === 'head' ? headTimeouts + 1 : 0;
      if (progress === 'sent' || headTimeouts === 2) detect();
    },
    recordOther: () => {
      headTimeouts = 0;
    },
    recordHeartbeat: () => {
      detectedAt = -Infinity;
      headTimeouts = 0;
    },
  };
}
