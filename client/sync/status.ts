/**
 * What a person is told of the sync, as one value, and how it moves.
 *
 *     starting --answered--> catching-up --caught-up--> live --begun--> catching-up
 *         any --interrupted--> offline --answered--> catching-up
 *         any --sign-in-needed--> sign-in-needed --answered--> catching-up
 *
 * The phase after each event, in full (· is: as it was; X: the leader's):
 *
 *     phase \ event     begun        answered     caught-up  interrupted  sign-in-needed  led  any other
 *     starting          ·            catching-up  live       offline      sign-in-needed  X    ·
 *     catching-up       ·            ·            live       offline      sign-in-needed  X    ·
 *     live              catching-up  ·            ·          offline      sign-in-needed  X    ·
 *     offline           ·            catching-up  live       ·            sign-in-needed  X    ·
 *     sign-in-needed    ·            catching-up  live       offline      ·               X    ·
 *
 * `unsent` is what was last counted. `refused` grows by a refusal, and is emptied by a dismissal; it is shown in place of
 * catching-up and live while it is not empty. `lastSynced` is when it was last known that nothing was left to do: at
 * caught-up, and, if it was live, when something was last heard before it was interrupted. It never goes back.
 */

import { keepIfEqual } from '../platform/structural-equality.ts';

/** How the connection is. */
export type Phase = 'starting' | 'catching-up' | 'live' | 'offline' | 'sign-in-needed';

export type SyncState = Phase | 'refused';

/** An edit that the server would not take, and that was taken back. */
export interface RefusedEdit {
  readonly key: string;
  readonly value: unknown;
  /** The server's reason, a sentence. */
  readonly reason: string;
}

export interface SyncStatus {
  readonly state: SyncState;
  /** How many preferences were changed here and are not on the server yet. */
  readonly unsent: number;
  readonly refused: readonly RefusedEdit[];
  /** When all that was here and there had last been exchanged, in ms since 1970; undefined: never. */
  readonly lastSynced: number | undefined;
}

export type StatusEvent =
  /** A run of the sync begins: what was live before it has ended, or was another tab's. */
  | { readonly type: 'begun' }
  /** The server has answered a request of the sync. */
  | { readonly type: 'answered' }
  /** Both directions have done all there was to do, and listen. */
  | { readonly type: 'caught-up'; readonly lastSynced: number }
  /** `heard`: when something last came over the connection. */
  | { readonly type: 'interrupted' | 'sign-in-needed'; readonly lastActivityAt?: number }
  | { readonly type: 'unsent'; readonly unsent: number }
  | { readonly type: 'refused'; readonly edit: RefusedEdit }
  | { readonly type: 'dismissed' }
  /** What was known of it when the page was closed. */
  | { readonly type: 'remembered'; readonly lastSynced: number | undefined }
  /** Another tab syncs for this one, and says how that goes; what is unsent each tab counts by itself. */
  | (Partial<SyncProgress> & { readonly type: 'led' });

/** What the reducer works on: the phase is kept beside what is shown, so that it comes back after a dismissal. */
export interface SyncProgress extends Omit<SyncStatus, 'state'> {
  readonly phase: Phase;
}

export const INITIAL_PROGRESS: SyncProgress = { phase: 'starting', unsent: 0, refused: [], lastSynced: undefined };

/** What an event may bring along. */
interface EventPayload extends Partial<Pick<SyncProgress, 'phase' | 'unsent' | 'refused' | 'lastSynced'>> {
  readonly type: StatusEvent['type'];
  readonly lastActivityAt?: number;
  readonly edit?: RefusedEdit;
}

/** The same object when nothing changed. */
export const advance = (previous: SyncProgress, event: StatusEvent): SyncProgress => {
  const { type, edit, lastActivityAt = 0, lastSynced = 0 }: EventPayload = event;
  const { phase = previous.phase, unsent = previous.unsent, refused = previous.refused }: EventPayload = event;
  const isLive = previous.phase === 'live';
  const phases: Partial<Record<StatusEvent['type'], Phase>> = {
    begun: isLive ? 'catching-up' : phase,
    answered: isLive ? phase : 'catching-up',
    'caught-up': 'live',
    interrupted: 'offline',
    'sign-in-needed': 'sign-in-needed',
  };
  const after: SyncProgress = {
    phase: phases[type] ?? phase,
    unsent,
    refused: edit ? [...refused.filter(({ key }) => key !== edit.key), edit] : type === 'dismissed' ? [] : refused,
    lastSynced: Math.max(previous.lastSynced ?? 0, lastSynced, isLive ? lastActivityAt : 0) || undefined,
  };
  return keepIfEqual(after, previous);
};

/** The status as it is shown. Being offline or signed out is told before a refusal: it is what stops everything. */
export const toSyncStatus = ({ phase, ...rest }: SyncProgress): SyncStatus => ({
  state: rest.refused.length > 0 && (phase === 'live' || phase === 'catching-up') ? 'refused' : phase,
  ...rest,
});
