/** One run of PouchDB's sync, from its start to whatever ends it. It is never resumed: after an end a new one begins. */
import type { Database } from '../platform/database.ts';
import type { UserDocumentId } from '../../couchdb-design/username.ts';

export type Ending =
  | { readonly kind: 'stopped' }
  /** `asked`: milliseconds that the server wants to be left alone. */
  | { readonly kind: 'interrupted'; readonly asked?: number }
  /** The server refused a revision, which PouchDB keeps and never sends again. */
  | { readonly kind: 'denied' }
  | { readonly kind: 'sign-in-needed' };

export interface RunOptions {
  readonly local: Database;
  readonly remote: Database;
  readonly id: UserDocumentId;
  /** Milliseconds between the signs of life that the server is asked for. */
  readonly heartbeat: number;
  /** Aborted with an Ending as its reason. */
  readonly signal: AbortSignal;
  /** Whether both directions have done all there was to do, as far as PouchDB knows. */
  readonly onIdle: (isIdle: boolean) => void;
}

/** Both halves of a PouchDB sync, which its types do not tell of: each says by itself when it is idle. */
interface Halves {
  readonly push: Half;
  readonly pull: Half;
}
interface Half {
  readonly on: (event: 'paused' | 'active', listener: (error?: unknown) => void) => unknown;
}

/** Resolved with what ended it. Never rejects. */
export function runSync({ local, remote, id, heartbeat, signal, onIdle }: RunOptions): Promise<Ending> {
  if (signal.aborted) return Promise.resolve(signal.reason as Ending);
  return new Promise((resolve) => {
    const sync = local.sync(remote, {
      live: true,
      retry: true,
      doc_ids: [id],
      // For one document a checkpoint saves nothing. Without one every start asks about all local leaves, so that what
      // a restored server has lost comes back to it.
      checkpoint: false,
      heartbeat,
      // Waiting is done outside, where it can be woken: a replication that has failed is cancelled at once.
      back_off_function: () => 0,
    });
    const { push, pull } = sync as typeof sync & Halves;

    const end = (ending: Ending): void => {
      signal.removeEventListener('abort', onAbort);
      sync.cancel();
      resolve(ending);
    };
    const onAbort = (): void => end(signal.reason as Ending);
    signal.addEventListener('abort', onAbort);
    const interrupt = (): void => end({ kind: 'interrupted' });

    const idle = new Set<Half>();
    for (const half of [push, pull]) {
      half.on('active', () => {
        idle.delete(half);
        onIdle(false);
      });
      half.on('paused', (error) => {
        if (error !== undefined && error !== null) {
          interrupt();
          return;
        }
        idle.add(half);
        if (idle.size === 2) onIdle(true);
      });
    }
    // The sync is a promise too, and each `on` returns it.
    void sync.on('denied', () => end({ kind: 'denied' }));
    // A 401 has been dealt with by the fetch, and is not seen here.
    void sync.on('error', interrupt);
    void sync.on('complete', interrupt);
    sync.catch(() => undefined);
  });
}
