/**
 * What a person is told of the sync, as one value, and how it moves.
 *
 *     starting --answered--> catching-up --caught-up--> live
 *         any --interrupted--> offline --answered--> catching-up
 *         any --sign-in-needed--> sign-in-needed --answered--> catching-up
 *
 * `refused` is shown in place of catching-up and live while there is a refused edit that the person has not read about.
 */

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
}

export type StatusEvent =
  /** The server has answered a request of the sync. */
  | { readonly type: 'answered' }
  /** Both directions have done all there was to do, and listen. */
  | { readonly type: 'caught-up' }
  | { readonly type: 'interrupted' }
  | { readonly type: 'sign-in-needed' }
  | { readonly type: 'unsent'; readonly count: number }
  | { readonly type: 'refused'; readonly edit: RefusedEdit }
  | { readonly type: 'dismissed' }
  /** Another tab syncs for this one, and says how that goes. */
  | { readonly type: 'led'; readonly phase: Phase; readonly refused: readonly RefusedEdit[] };

/** What the reducer works on: the phase is kept beside what is shown, so that it comes back after a dismissal. */
export interface SyncProgress {
  readonly phase: Phase;
  readonly unsent: number;
  readonly refused: readonly RefusedEdit[];
}

export const STARTING: SyncProgress = { phase: 'starting', unsent: 0, refused: [] };

const nextPhase = (phase: Phase, event: StatusEvent): Phase => {
  switch (event.type) {
    case 'answered':
      return phase === 'live' ? 'live' : 'catching-up';
    case 'caught-up':
      return 'live';
    case 'interrupted':
      return 'offline';
    case 'sign-in-needed':
      return 'sign-in-needed';
    case 'led':
      return event.phase;
    case 'unsent':
    case 'refused':
    case 'dismissed':
      return phase;
  }
};

const nextRefused = (refused: readonly RefusedEdit[], event: StatusEvent): readonly RefusedEdit[] => {
  switch (event.type) {
    case 'refused':
      return [...refused.filter(({ key }) => key !== event.edit.key), event.edit];
    case 'dismissed':
      return refused.length === 0 ? refused : [];
    case 'led':
      return refused.length === 0 && event.refused.length === 0 ? refused : event.refused;
    default:
      return refused;
  }
};

/** The same object when nothing changed. */
export const advance = (progress: SyncProgress, event: StatusEvent): SyncProgress => {
  const phase = nextPhase(progress.phase, event);
  const unsent = event.type === 'unsent' ? event.count : progress.unsent;
  const refused = nextRefused(progress.refused, event);
  const same = phase === progress.phase && unsent === progress.unsent && refused === progress.refused;
  return same ? progress : { phase, unsent, refused };
};

/** The status as it is shown. Being offline or signed out is told before a refusal: it is what stops everything. */
export const shownStatus = ({ phase, unsent, refused }: SyncProgress): SyncStatus => ({
  state: refused.length > 0 && (phase === 'live' || phase === 'catching-up') ? 'refused' : phase,
  unsent,
  refused,
});
