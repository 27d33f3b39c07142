/**
 * Detects proxies that hold back a response until it is complete, or until enough of it has arrived: they hide the
 * heartbeats of a longpoll. A client behind such a proxy requests bounded longpolls instead. The server ends those itself,
 * and each response is then complete.
 */

/** What a longpoll has received. `none`: none is open; `sent`: nothing; `head`: its start; `heartbeat`: more than that. */
export type LongpollProgress = 'none' | 'sent' | 'head' | 'heartbeat';

export interface BufferingDetector {
  /** Whether longpolls have to be bounded. */
  readonly isBuffering: () => boolean;
  /** Records what the open longpoll had received when a run ended because nothing arrived any more. */
  readonly recordSilence: (progress: LongpollProgress) => void;
  /** Records that a run ended for another reason. */
  readonly recordOther: () => void;
}

/** How long a detection holds: the device may move to another network, without an event. */
const MEMORY_MS = 600_000;

/**
 * A longpoll of which nothing has arrived is held back. One that stops after its head may have lost its connection at that
 * moment, so this counts only when it happens twice in succession.
 */
export function createBufferingDetector(now: () => number): BufferingDetector {
  let detectedAt = -Infinity;
  let silentHeads = 0;
  const detect = (): void => {
    detectedAt = now();
    silentHeads = 0;
  };
  return {
    isBuffering: () => now() - detectedAt < MEMORY_MS,
    recordSilence: (progress) => {
      silentHeads = progress === 'head' ? silentHeads + 1 : 0;
      if (progress === 'sent' || silentHeads === 2) detect();
    },
    recordOther: () => {
      silentHeads = 0;
    },
  };
}
