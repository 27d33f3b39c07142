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
  | { readonly type: 'caught-up'; readonly at: number }
  /** `heard`: when something last came over the connection. */
  | { readonly type: 'interrupted' | 'sign-in-needed'; readonly heard?: number }
  | { readonly type: 'unsent'; readonly count: number }
  | { readonly type: 'refused'; readonly edit: RefusedEdit }
  | { readonly type: 'dismissed' }
  /** What was known of it when the page was closed. */
  | { readonly type: 'remembered'; readonly lastSynced: number | undefined }
  /** Another tab syncs for this one, and says how that goes. */
  | {
      readonly type: 'led';
      readonly phase: Phase;
      readonly refused: readonly RefusedEdit[];
      readonly lastSynced?: number | undefined;
    };

/** What the reducer works on: the phase is kept beside what is shown, so that it comes back after a dismissal. */
export interface SyncProgress extends Omit<SyncStatus, 'state'> {
  readonly phase: Phase;
}

export const STARTING: SyncProgress = { phase: 'starting', unsent: 0, refused: [], lastSynced: undefined };

/** What the event changes; values that are as they were do no harm. */
const changes = ({ phase, refused }: SyncProgress, event: StatusEvent): Partial<SyncProgress> => {
  switch (event.type) {
    case 'begun':
      return phase === 'live' ? { phase: 'catching-up' } : {};
    case 'answered':
      return phase === 'live' ? {} : { phase: 'catching-up' };
    case 'caught-up':
      return { phase: 'live', lastSynced: event.at };
    case 'interrupted':
    case 'sign-in-needed':
      return {
        phase: event.type === 'interrupted' ? 'offline' : event.type,
        lastSynced: phase === 'live' ? event.heard : undefined,
      };
    case 'unsent':
      return { unsent: event.count };
    case 'refused':
      return { refused: [...refused.filter(({ key }) => key !== event.edit.key), event.edit] };
    case 'dismissed':
      return { refused: [] };
    case 'remembered':
      return { lastSynced: event.lastSynced };
    case 'led':
      return { phase: event.phase, refused: event.refused, lastSynced: event.lastSynced };
  }
};

/** The same object when nothing changed. */
export const advance = (before: SyncProgress, event: StatusEvent): SyncProgress => {
  const { phase = before.phase, unsent = before.unsent, refused = before.refused, lastSynced } = changes(before, event);
  const after: SyncProgress = {
    phase,
    unsent,
    refused: refused.length > 0 ? refused : before.refused.length > 0 ? [] : before.refused,
    lastSynced: lastSynced !== undefined && !(lastSynced <= (before.lastSynced ?? 0)) ? lastSynced : before.lastSynced,
  };
  return after.phase === before.phase &&
    after.unsent === before.unsent &&
    after.refused === before.refused &&
    after.lastSynced === before.lastSynced
    ? before
    : after;
};

/** The status as it is shown. Being offline or signed out is told before a refusal: it is what stops everything. */
export const shownStatus = ({ phase, ...rest }: SyncProgress): SyncStatus => ({
  state: rest.refused.length > 0 && (phase === 'live' || phase === 'catching-up') ? 'refused' : phase,
  ...rest,
});
