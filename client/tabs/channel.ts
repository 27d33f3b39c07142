/** The messages between the tabs of one user in one browser. */
import type { SyncProgress } from '../sync/status.ts';

export type TabMessage =
  /** The leader's status, which the other tabs show. */
  | (SyncProgress & { readonly type: 'led' })
  /** Requests the leader's status. A new tab sends it, and every visible tab does at intervals, to detect a lost leader. */
  | { readonly type: 'hello' }
  /** Retry now: the user has signed in again, or requested it. */
  | { readonly type: 'wake' }
  /** The user has dismissed the rejected edits. */
  | { readonly type: 'dismissed' }
  /** Pending edits were written beside the database. PouchDB notifies other tabs only of documents. */
  | { readonly type: 'noted' }
  /** The local database was replaced: open it again. */
  | { readonly type: 'replaced' }
  /** The user has signed out: stop, and close the database. */
  | { readonly type: 'signed-out' };

/** A tab with another version of the page may send unknown messages. */
export interface TabChannel {
  readonly postMessage: (message: TabMessage) => void;
  onmessage: ((event: MessageEvent<TabMessage>) => void) | null;
  readonly close: () => void;
}
