/** One run of PouchDB's sync, from its start to whatever ends it. It is never resumed: after an end a new one begins. */
import { databaseError, type Database } from '../platform/database.ts';
import type { UserDocumentId } from '../../couchdb-design/user-document.ts';

export type Ending =
  | { readonly kind: 'stopped' }
  | { readonly kind: 'interrupted' }
  /** The server refused a revision, which PouchDB keeps and never sends again. */
  | { readonly kind: 'denied' }
  | { readonly kind: 'sign-in-needed' };

export interface RunOptions {
  readonly local: Database;
  readonly remote: Database;
  readonly id: UserDocumentId;
  /** Milliseconds between the signs of life that the server is asked for. */
  readonly heartbeat: number;
  /** Aborted with an Ending as its reason, or with anything else to stop. */
  readonly signal: AbortSignal;
  readonly onCaughtUp: () => void;
}

/** Both halves of a PouchDB sync, which its types do not tell of: each says by itself when it is idle. */
interface Halves {
  readonly push: Half;
  readonly pull: Half;
}
interface Half {
  readonly on: (event: 'paused' | 'active', listener: (error?: unknown) => void) => unknown;
}

const isEnding = (value: unknown): value is Ending => typeof value === 'object' && value !== null && 'kind' in value;

/** Resolved with what ended it. Never rejects. */
export function runSync({ local, remote, id, heartbeat, signal, onCaughtUp }: RunOptions): Promise<Ending> {
  if (signal.aborted) return Promise.resolve({ kind: 'stopped' });
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
    const onAbort = (): void => {
      const reason: unknown = signal.reason;
      end(isEnding(reason) ? reason : { kind: 'stopped' });
    };
    signal.addEventListener('abort', onAbort);

    const idle = { push: false, pull: false };
    for (const [name, half] of [
      ['push', push],
      ['pull', pull],
    ] as const) {
      half.on('active', () => {
        idle[name] = false;
      });
      half.on('paused', (error) => {
        if (error !== undefined && error !== null) {
          end({ kind: 'interrupted' });
          return;
        }
        idle[name] = true;
        if (idle.push && idle.pull) onCaughtUp();
      });
    }
    // The sync is a promise too, and each `on` returns it.
    void sync.on('denied', () => end({ kind: 'denied' }));
    void sync.on('error', (error) => {
      // Only 401 and 403 come here (retry: true); a 401 has been dealt with by the fetch, which aborts the signal.
      end(databaseError(error).status === 401 ? { kind: 'sign-in-needed' } : { kind: 'interrupted' });
    });
    void sync.on('complete', () => end({ kind: 'interrupted' }));
    sync.catch(() => undefined);
  });
}
