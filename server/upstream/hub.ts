import type { UserDocumentId, Username } from '../../couchdb-design/user-document.ts';
import type { LeafState } from './leaf-state.ts';
import type { Ended } from '../caller.ts';
import type { FeedRow } from './feed-row.ts';
import type { LeavesReader } from './leaves.ts';

/** A live request, parked until its document changes. */
export interface Waiter {
  readonly ownId: UserDocumentId;
  readonly username: Username;
  readonly sessionId: string | undefined;
  /** The document's leaves now; they may be what the waiter has told already. */
  wake(state: LeafState): void;
  /** The right to be told has ended: end as a held, empty answer, and tell nothing any more. */
  end(): void;
}

/** How long to wait before a read that failed is made again, in ms. */
const READ_AGAIN = 1_000;

/**
 * Holds all waiters of this process and wakes them from the registry's one feed. A row costs a look into a map; nobody
 * there, nothing done; and it carries the leaves, so a waiter is answered without asking upstream again.
 */
export class Hub {
  readonly #waiters = new Map<string, Set<Waiter>>();
  readonly #leaves: LeavesReader;
  #size = 0;
  #up = false;
  #ups = 0;

  constructor(leaves: LeavesReader) {
    this.#leaves = leaves;
  }

  /** How many waiters there are. */
  get size(): number {
    return this.#size;
  }

  /** Whether the feed runs, so that changes are told as they happen. */
  get up(): boolean {
    return this.#up;
  }

  /** Parks a waiter; call what it returns when the request is over, however often. */
  park(waiter: Waiter): () => void {
    const here = this.#waiters.get(waiter.ownId) ?? new Set();
    this.#waiters.set(waiter.ownId, here);
    here.add(waiter);
    this.#size += 1;
    return () => {
      if (!here.delete(waiter)) return;
      this.#size -= 1;
      if (here.size === 0 && this.#waiters.get(waiter.ownId) === here) this.#waiters.delete(waiter.ownId);
    };
  }

  /** A row of the registry's feed. */
  onRow(row: FeedRow): void {
    this.#wake(row.id, row);
  }

  /** The feed runs (again): what happened before was perhaps not told, so every waiter's state is read anew. */
  onUp(): void {
    this.#up = true;
    this.#ups += 1;
    for (const id of new Set([...this.#all()].map((waiter) => waiter.ownId))) this.#readAgain(id, this.#ups);
  }

  /** The feed is lost. Waiters stay where they are: ending them would only bring them back at once. */
  onDown(): void {
    this.#up = false;
  }

  /** A session was ended or an account suspended. */
  onEnded(ended: Ended): void {
    for (const waiter of [...this.#all()]) {
      const meant =
        ended.kind === 'session' ? waiter.sessionId === ended.sessionId : waiter.username === ended.username;
      if (meant) waiter.end();
    }
  }

  /** Ends all waiters, for a process that goes down. */
  endAll(): void {
    for (const waiter of [...this.#all()]) waiter.end();
  }

  *#all(): Iterable<Waiter> {
    for (const here of this.#waiters.values()) yield* here;
  }

  #wake(id: string, state: LeafState): void {
    for (const waiter of [...(this.#waiters.get(id) ?? [])]) waiter.wake(state);
  }

  #readAgain(id: UserDocumentId, ups: number): void {
    this.#leaves.read(id).then(
      (state) => this.#wake(id, state),
      () => {
        // As long as this same feed runs and somebody waits; a new feed reads everything again by itself.
        const again = (): void => {
          if (this.#up && this.#ups === ups && this.#waiters.has(id)) this.#readAgain(id, ups);
        };
        setTimeout(again, READ_AGAIN).unref();
      },
    );
  }
}
