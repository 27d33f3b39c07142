/** What the tabs of one user in one browser tell each other. */
import type { SyncProgress } from '../sync/status.ts';

export type TabMessage =
  /** How the leader's connection is, for all to show. */
  | (SyncProgress & { readonly type: 'led' })
  /** A tab asks for that: when it is new, and again and again to see that there is a leader at all. */
  | { readonly type: 'hello' }
  /** Somebody has signed in again, or wants it tried now. */
  | { readonly type: 'wake' }
  /** The person has read which edit was refused. */
  | { readonly type: 'dismissed' }
  /** Something beside the document was written: PouchDB tells other tabs of documents only. */
  | { readonly type: 'noted' }
  /** The local database was thrown away and made anew: open it again. */
  | { readonly type: 'replaced' }
  /** The person has signed out: stop, and let go of the database. */
  | { readonly type: 'signed-out' };

/** A tab that runs another version of the page may send messages that this version does not know. */
export interface TabChannel {
  readonly postMessage: (message: TabMessage) => void;
  onmessage: ((event: MessageEvent<TabMessage>) => void) | null;
  readonly close: () => void;
}
