/** Tracks which facilities of the platform do not work, for the status. */

/** From the most to the least serious: the status names the first one. */
const REASONS = ['database-unavailable', 'storage-unavailable', 'locks-unavailable', 'channel-unavailable'] as const;

/**
 * The part of the browser that does not work. The store works without it, with these effects:
 * - `database-unavailable`: IndexedDB is missing, fails or does not respond, for example in a private window. This tab keeps
 *   the preferences in memory and syncs them. Nothing is kept when it is closed.
 * - `storage-unavailable`: `localStorage` is missing, full or fails. Edits that are not sent yet may be lost when the tab is
 *   closed.
 * - `locks-unavailable`: Web Locks are missing, as on plain HTTP, fail or do not respond. Each tab syncs on its own. Edits
 *   may wait for another tab.
 * - `channel-unavailable`: `BroadcastChannel` is missing or fails. Each tab syncs on its own.
 *
 * Later versions may add reasons.
 */
export type StatusReason = (typeof REASONS)[number];

/** Reports whether a facility works. */
export type Report = (isWorking: boolean) => void;

/** Which facilities of the platform work. */
export interface PlatformHealth {
  /** Returns the function that reports one facility. */
  readonly reporter: (reason: StatusReason) => Report;
  /** Whether one of these facilities does not work. */
  readonly lacks: (...reasons: readonly StatusReason[]) => boolean;
  /** The most serious reason; undefined while everything works. */
  readonly reason: () => StatusReason | undefined;
}

/** Creates a record in which everything works. `onChange` is called after each change. */
export function createPlatformHealth(onChange: () => void): PlatformHealth {
  const failed = new Set<StatusReason>();
  return {
    reporter: (reason) => (isWorking) => {
      if (failed.has(reason) !== isWorking) return;
      if (isWorking) failed.delete(reason);
      else failed.add(reason);
      onChange();
    },
    lacks: (...reasons) => reasons.some((reason) => failed.has(reason)),
    reason: () => REASONS.find((reason) => failed.has(reason)),
  };
}
