/**
 * The sync status as one value, and the state machine that changes it.
 *
 *     starting --answered--> catching-up --caught-up--> live --begun--> catching-up
 *         any --interrupted--> offline --answered--> catching-up
 *         any --sign-in-needed--> sign-in-needed --answered--> catching-up
 *
 * The phase after each event (·: unchanged; X: the leader's):
 *
 *     phase \ event     begun        answered     caught-up  interrupted  sign-in-needed  led  any other
 *     starting          ·            catching-up  live       offline      sign-in-needed  X    ·
 *     catching-up       ·            ·            live       offline      sign-in-needed  X    ·
 *     live              catching-up  ·            ·          offline      sign-in-needed  X    ·
 *     offline           ·            catching-up  live       ·            sign-in-needed  X    ·
 *     sign-in-needed    ·            catching-up  live       offline      ·               X    ·
 *
 * `unsent` is the last count. A rejected edit is added to `refused`, and a dismissal empties it. While it is not empty, the
 * state is `refused` instead of `catching-up` and `live`. `lastSynced` is the last time at which nothing was left to sync: at
 * `caught-up`, and, when a live connection ends, the time of its last activity. It never decreases.
 *
 * The reasons have two sources. `connection` is set at `interrupted` and `sign-in-needed`, and cleared at `caught-up`. It stays
 * while an attempt is in progress, so that it does not flicker with the attempts. `platform` is what the last event of this
 * tab's own platform listed. A follower shows the leader's `connection`, and its own `platform`. All tabs share the device's clock,
 * so a follower also adopts the leader's `clockOffset`. A great offset is a reason after those of `platform`.
 */

import { MAX_CLOCK_OFFSET_MS } from '../platform/clock-offset.ts';
import { deepFreeze } from '../platform/deep-freeze.ts';
import type { PlatformReason } from '../platform/health.ts';
import { keepIfEqual } from '../platform/structural-equality.ts';
import { orderReasons, type ConnectionReason, type StatusReason } from './status-reason.ts';

/** The state of the connection. */
export type Phase = 'starting' | 'catching-up' | 'live' | 'offline' | 'sign-in-needed';

/**
 * - `starting`: the server has not responded since the page was loaded.
 * - `catching-up`: the server has responded; changes are being exchanged.
 * - `live`: everything is exchanged, and further changes arrive at once.
 * - `offline`: there is no connection. The client retries. `reason` says why.
 * - `sign-in-needed`: there is no token that the server accepts. Call `retry` after signing in. `reason` says why.
 * - `refused`: the connection is good, and the server rejected the edits in `refused`.
 */
export type SyncState = Phase | 'refused';

/** An edit that the server rejected, and that was taken back. */
export interface RefusedEdit {
  /** The preference that was edited. */
  readonly key: string;
  /** The rejected value; `null` for a removal. */
  readonly value: unknown;
  /** The server's reason, a sentence for a person. */
  readonly reason: string;
}

/** The sync status. */
export interface SyncStatus {
  /** The state of the connection, or `refused`. */
  readonly state: SyncState;
  /** How many preferences have an edit that the server is not known to have. */
  readonly unsent: number;
  /** The rejected edits that were not dismissed yet, the latest of each preference. */
  readonly refused: readonly RefusedEdit[];
  /** When the browser and the server last had the same data, in milliseconds since 1970; undefined if never. */
  readonly lastSynced: number | undefined;
  /** The most important one of `reasons`; undefined when everything works. */
  readonly reason: StatusReason | undefined;
  /**
   * Why the store is not connected, and which parts of this browser do not work. First the parts without which data may be
   * lost, then the reason for `offline` or `sign-in-needed`, which stays until the store is live, and then other parts.
   */
  readonly reasons: readonly StatusReason[];
}

/** An event of the state machine. */
export type StatusEvent =
  /** A sync run begins. A run that was live has ended, or was another tab's. */
  | { readonly type: 'begun'; readonly lastActivityAt?: number | undefined }
  /** The server responded to a request of the sync. */
  | { readonly type: 'answered' }
  /** Push and pull are finished, and the feed is open. */
  | { readonly type: 'caught-up'; readonly lastSynced: number }
  /** `lastActivityAt`: when something last arrived over the connection. */
  | {
      readonly type: 'interrupted' | 'sign-in-needed';
      readonly reason: ConnectionReason;
      readonly lastActivityAt?: number;
    }
  | { readonly type: 'unsent'; readonly unsent: number }
  | { readonly type: 'refused'; readonly edit: RefusedEdit }
  | { readonly type: 'dismissed' }
  /** A facility of the platform has failed, or works again. `reasons`: those that do not work. */
  | { readonly type: 'platform'; readonly reasons: readonly PlatformReason[] }
  /** The server's clock is ahead of the device's by another offset than before, in milliseconds. */
  | { readonly type: 'clock'; readonly offset: number }
  /** The time that was stored when the page was last open. */
  | { readonly type: 'remembered'; readonly lastSynced: number | undefined }
  /** Another tab syncs for this one, and sent its status. Each tab counts its unsent edits itself. */
  | (Partial<SyncProgress> & { readonly type: 'led' });

/** The state of the reducer. It keeps the phase, which is shown again after a dismissal. */
export interface SyncProgress extends Omit<SyncStatus, 'state' | 'reason' | 'reasons'> {
  readonly phase: Phase;
  /** Why the last attempt failed; undefined once the store is live. */
  readonly connection: ConnectionReason | undefined;
  /** What does not work in this tab. */
  readonly platform: readonly PlatformReason[];
  /** How far the server's clock is ahead of the device's, in milliseconds; undefined until it is known. */
  readonly clockOffset?: number | undefined;
}

export const INITIAL_PROGRESS: SyncProgress = {
  phase: 'starting',
  unsent: 0,
  refused: [],
  lastSynced: undefined,
  connection: undefined,
  platform: [],
};

const latest = (a: number | undefined, b: number | undefined): number | undefined =>
  Math.max(a ?? 0, b ?? 0) || undefined;

/** Adds a rejected edit, in place of an earlier one of the same preference. */
const addRefused = (refused: readonly RefusedEdit[], edit: RefusedEdit): readonly RefusedEdit[] => [
  ...refused.filter(({ key }) => key !== edit.key),
  edit,
];

const reduce = (previous: SyncProgress, event: StatusEvent): SyncProgress => {
  const isLive = previous.phase === 'live';
  switch (event.type) {
    case 'begun':
      return isLive
        ? { ...previous, phase: 'catching-up', lastSynced: latest(previous.lastSynced, event.lastActivityAt) }
        : previous;
    case 'answered':
      return isLive ? previous : { ...previous, phase: 'catching-up' };
    case 'caught-up':
      return {
        ...previous,
        phase: 'live',
        connection: undefined,
        lastSynced: latest(previous.lastSynced, event.lastSynced),
      };
    case 'interrupted':
    case 'sign-in-needed':
      return {
        ...previous,
        phase: event.type === 'interrupted' ? 'offline' : 'sign-in-needed',
        connection: event.reason,
        lastSynced: isLive ? latest(previous.lastSynced, event.lastActivityAt) : previous.lastSynced,
      };
    case 'unsent':
      return { ...previous, unsent: event.unsent };
    case 'refused':
      return { ...previous, refused: addRefused(previous.refused, event.edit) };
    case 'dismissed':
      return { ...previous, refused: [] };
    case 'platform':
      return { ...previous, platform: event.reasons };
    case 'clock':
      return { ...previous, clockOffset: event.offset };
    case 'remembered':
      return { ...previous, lastSynced: latest(previous.lastSynced, event.lastSynced) };
    case 'led':
      return {
        phase: event.phase ?? previous.phase,
        unsent: event.unsent ?? previous.unsent,
        refused: event.refused ?? previous.refused,
        lastSynced: latest(previous.lastSynced, event.lastSynced),
        connection: event.connection,
        platform: previous.platform,
        clockOffset: event.clockOffset ?? previous.clockOffset,
      };
  }
};

/** Returns the progress after an event: the same object when nothing changed. */
export const advance = (previous: SyncProgress, event: StatusEvent): SyncProgress =>
  keepIfEqual(reduce(previous, event), previous);

/** The status for the application. `offline` and `sign-in-needed` take precedence over `refused`: they stop everything. */
export const toSyncStatus = ({ phase, connection, platform, clockOffset = 0, ...rest }: SyncProgress): SyncStatus => {
  const isConnected = phase === 'live' || phase === 'catching-up';
  const isClockWrong = Math.abs(clockOffset) > MAX_CLOCK_OFFSET_MS;
  const reasons = orderReasons(isClockWrong ? [...platform, 'clock-wrong'] : platform, connection);
  return { state: isConnected && rest.refused.length > 0 ? 'refused' : phase, ...rest, reason: reasons[0], reasons };
};

/** The status before anything has happened, and during server-side rendering. */
export const INITIAL_STATUS: SyncStatus = deepFreeze(toSyncStatus(INITIAL_PROGRESS));
