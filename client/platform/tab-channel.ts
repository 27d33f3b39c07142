/** What the tabs of one user in one browser tell each other. */
import type { Phase, RefusedEdit } from '../sync/status.ts';

export type TabMessage =
  /** How the leader's connection is, for all to show. What is unsent each tab sees for itself. */
  | {
      readonly type: 'led';
      readonly phase: Phase;
      readonly refused: readonly RefusedEdit[];
      readonly lastSynced?: number | undefined;
    }
  /** A tab asks for that: when it is new, and again and again to see that there is a leader at all. */
  | { readonly type: 'hello' }
  /** Somebody has signed in again, or wants it tried now. */
  | { readonly type: 'wake' }
  /** The person has read which edit was refused. */
  | { readonly type: 'dismiss' }
  /** Something beside the document was written: PouchDB tells other tabs of documents only. */
  | { readonly type: 'noted' }
  /** The local database was thrown away and made anew: open it again. */
  | { readonly type: 'replaced' }
  /** The person has signed out: stop, and let go of the database. */
  | { readonly type: 'signed-out' };

export interface TabChannel {
  readonly send: (message: TabMessage) => void;
  /** A tab that still runs another version of the page may say things that are not known here. */
  readonly listen: (listener: (message: TabMessage) => void) => void;
  readonly close: () => void;
}

const nothing = (): void => undefined;
export const SILENT_CHANNEL: TabChannel = { send: nothing, listen: nothing, close: nothing };

export function openChannel(name: string): TabChannel {
  const channel = new BroadcastChannel(name);
  return {
    send: (message) => channel.postMessage(message),
    listen: (listener) => channel.addEventListener('message', ({ data }: MessageEvent<TabMessage>) => listener(data)),
    close: () => channel.close(),
  };
}
