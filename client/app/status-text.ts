/** The texts of the sync status on the page. */
import type { StatusReason, SyncStatus } from '../index.ts';

export type Tone = 'good' | 'busy' | 'quiet' | 'attention';

export interface StatusDescription {
  readonly tone: Tone;
  readonly text: string;
  /** A longer explanation. */
  readonly detail: string;
}

/** The effect of each part of the browser that does not work, and what the user can do. */
const REASON_TEXTS: Readonly<Record<StatusReason, string>> = {
  'database-unavailable':
    'This browser stores no data for this page: the window is private, or there is no space left. Everything works while the page is open, but nothing is kept when you close it.',
  'storage-unavailable':
    'This browser has no space for changes, or does not store them. Keep the page open until your changes are sent.',
  'locks-unavailable':
    'The tabs of this browser cannot coordinate, so each one syncs on its own. If changes stay unsent, close the other tabs.',
  'channel-unavailable': 'The tabs of this browser cannot exchange messages, so each one syncs on its own.',
};

/** Returns a sentence about the part of the browser that does not work; undefined if there is none. */
export const describeReason = ({ reason }: Pick<SyncStatus, 'reason'>): string | undefined =>
  reason && REASON_TEXTS[reason];

/** Whether data can be lost. The page then shows a notice without a click. */
export const isDataAtRisk = ({ reason }: Pick<SyncStatus, 'reason'>): boolean =>
  reason === 'database-unavailable' || reason === 'storage-unavailable';

const formatChangeCount = (count: number): string => (count === 1 ? '1 change' : `${count} changes`);

/** Returns the texts and the tone for a status. */
export const describeStatus = ({ state, unsent, refused, reason }: SyncStatus): StatusDescription => {
  const isKept = !isDataAtRisk({ reason });
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
