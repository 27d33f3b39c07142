/** The texts of the sync status on the page. */
import type { StatusReason, SyncStatus } from '../index.ts';
import { isDataAtRisk } from '../platform/health.ts';
import { describeReason } from '../reasons.ts';

export type Tone = 'good' | 'busy' | 'quiet' | 'attention';

export interface StatusDescription {
  readonly tone: Tone;
  readonly text: string;
  /** A longer explanation. */
  readonly detail: string;
}

/** Reasons for which the page is offline until someone corrects a configuration. */
const MISTAKES: ReadonlySet<StatusReason> = new Set<StatusReason>([
  'wrong-url',
  'wrong-database',
  'wrong-base',
  'redirected',
  'html-page',
  'request-rejected',
  'wrong-user',
  'wrong-id-prefix',
  'token-invalid-value',
]);

/** Returns the reasons that the page shows without a click: data can be lost, or waiting does not help. */
export const noticedReasons = ({ state, reasons }: Pick<SyncStatus, 'state' | 'reasons'>): readonly StatusReason[] =>
  reasons.filter((reason) => isDataAtRisk(reason) || (state === 'offline' && MISTAKES.has(reason)));

/** The reasons of an ordinary end of a session. */
const SESSION_ENDS: ReadonlySet<StatusReason> = new Set<StatusReason>([
  'not-signed-in',
  'session-ended',
  'token-expired',
  'token-rejected',
]);

/** Returns why the user has to sign in again. */
export const describeSignIn = ({ reasons }: Pick<SyncStatus, 'reasons'>): string => {
  const reason = reasons.find((each) => !isDataAtRisk(each));
  return reason === undefined || SESSION_ENDS.has(reason) ? 'Your session has ended.' : describeReason(reason);
};

const formatChangeCount = (count: number): string => (count === 1 ? '1 change' : `${count} changes`);

/** Returns the texts and the tone for a status. */
export const describeStatus = ({ state, unsent, refused, reasons }: SyncStatus): StatusDescription => {
  const isKept = !reasons.some(isDataAtRisk);
  const waiting = unsent === 0 ? '' : `: ${formatChangeCount(unsent)} waiting`;
  switch (state) {
    case 'starting':
      return {
        tone: 'quiet',
        text: 'Connecting',
        detail: 'Your preferences are ready. Connecting to the server.',
      };
    case 'catching-up':
      return { tone: 'busy', text: 'Syncing', detail: 'Exchanging changes with the server.' };
    case 'live':
      return unsent === 0
        ? { tone: 'good', text: 'Live', detail: 'Changes appear on your other devices right away.' }
        : { tone: 'busy', text: 'Saving', detail: `Sending ${formatChangeCount(unsent)} to the server.` };
    case 'offline':
      return {
        tone: 'quiet',
        text: `Offline${waiting}`,
        detail: isKept
          ? 'Changes are saved in this browser and sent when you are back online.'
          : 'Changes are sent when you are back online. Keep this page open until then.',
      };
    case 'sign-in-needed':
      return {
        tone: 'attention',
        text: `Sign in again to sync${waiting}`,
        detail: isKept
          ? 'Your preferences stay in this browser. Nothing is lost.'
          : 'Keep this page open. Changes are sent when you have signed in.',
      };
    case 'refused':
      return {
        tone: 'attention',
        text: `${formatChangeCount(refused.length)} not accepted`,
        detail: 'The server did not accept everything. See the message above your preferences.',
      };
  }
};

const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
] as const;

/**
 * Returns e.g. `just now`, `5 minutes ago` or `yesterday`. Both times are in ms since 1970. A time after `now`, from a clock
 * that was set back, gives `just now`.
 */
export const formatRelativeTime = (time: number, now: number): string => {
  const found = UNITS.find(([, length]) => now - time >= length);
  if (found === undefined) return 'just now';
  const [unit, unitMs] = found;
  return new Intl.RelativeTimeFormat('en', { numeric: 'auto' }).format(-Math.floor((now - time) / unitMs), unit);
};

/** Returns a sentence about `lastSynced`, in ms since 1970: the last time this browser was in sync with the server. */
export const formatLastSynced = (lastSynced: number | undefined, now: number): string =>
  lastSynced === undefined ? 'Not synced in this browser yet' : `Last synced ${formatRelativeTime(lastSynced, now)}`;
