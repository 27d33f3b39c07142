/** Tracks which facilities of the platform do not work, for the status. */

/** From the most to the least serious: the status names them in this order. */
const REASONS = [
  'database-unavailable',
  'storage-unavailable',
  'locks-unavailable',
  'channel-unavailable',
  'clock-wrong',
] as const;

/**
 * A part of the browser that does not work. The store works without it, with these effects:
 * - `database-unavailable`: IndexedDB is missing, fails or does not respond, for example in a private window. This tab keeps
 *   the preferences in memory and syncs them. Nothing is kept when it is closed.
 * - `storage-unavailable`: `localStorage` is missing, full or fails. Edits that are not sent yet may be lost when the tab is
 *   closed.
 * - `locks-unavailable`: Web Locks are missing, as on plain HTTP, fail or do not respond. Each tab syncs on its own. Edits
 *   may wait for another tab.
 * - `channel-unavailable`: `BroadcastChannel` is missing or fails. Each tab syncs on its own.
 * - `clock-wrong`: the device's clock differs from the server's by more than a minute. Edits are dated by the server's clock.
 */
export type PlatformReason = (typeof REASONS)[number];

/** Whether a reason of the status means that data can be lost when the tab is closed. */
export const isDataAtRisk = (reason: string): boolean => (REASONS.slice(0, 2) as readonly string[]).includes(reason);

/** Reports whether a facility works. */
export type Report = (isWorking: boolean) => void;

/** Which facilities of the platform work. */
export interface PlatformHealth {
  /** Returns the function that reports one facility. */
  readonly reporter: (reason: PlatformReason) => Report;
  /** Whether one of these facilities does not work. */
  readonly lacks: (...reasons: readonly PlatformReason[]) => boolean;
  /** What does not work, the most serious first; empty while everything works. */
  readonly reasons: () => readonly PlatformReason[];
}

/** Creates a record in which everything works. `onChange` is called after each change. */
export function createPlatformHealth(onChange: () => void): PlatformHealth {
  const failed = new Set<PlatformReason>();
  return {
    reporter: (reason) => (isWorking) => {
      if (failed.has(reason) !== isWorking) return;
      if (isWorking) failed.delete(reason);
      else failed.add(reason);
      onChange();
    },
    lacks: (...reasons) => reasons.some((reason) => failed.has(reason)),
    reasons: () => REASONS.filter((reason) => failed.has(reason)),
  };
}
