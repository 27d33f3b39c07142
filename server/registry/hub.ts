import type { UserDocumentId, Username } from '../../couchdb-design/user-document/user-document.ts';
import type { LeafState } from './leaf-state.ts';
import type { Revocation } from '../http/caller.ts';
import type { FeedRow } from '../upstream/feed/row.ts';
import { StateCache } from './state-cache.ts';
import type { LeafReader } from './leaf-reader.ts';

/** What waits: the modes of `_changes` that do, and the stream of preferences. */
export type LiveFeed = ChangesFeed | 'stream';
export type ChangesFeed = 'longpoll' | 'continuous' | 'eventsource';

/** A live request, parked until its document changes. */
export interface Waiter {
  readonly ownId: UserDocumentId;
  readonly username: Username;
  readonly sessionId: string | undefined;
  readonly feed: LiveFeed;
  /** True once `end` was called: it only waits for its hold to be over. */
  readonly ending: boolean;
  /** The document's leaves now, which the waiter may have told already, and when they were heard (`performance.now()`). */
  wake(state: LeafState, heardAt: number): void;
  /** The right to be told has ended: end as a held, empty answer, and tell nothing any more. */
  end(): void;
}

/** How long to wait before a read that failed is made again, in ms. */
const READ_RETRY_DELAY_MS = 1_000;
/**
 * Live requests of one user at a time: each costs memory and a read now and then for as long as its token lives, and many
 * fit on one connection. A browser has one, so these are a hundred devices.
 */
const MAX_WAITERS_PER_USER = 100;

/**
 * Holds all waiters of this process and wakes them from the registry's one feed. A row costs a look into a map; nobody
 * there, nothing done; and it carries the leaves, so a waiter is answered without asking upstream again.
 */
export class Hub {
  readonly #waiters = new Map<string, Set<Waiter>>();
  readonly #counts: Record<LiveFeed, number> = { longpoll: 0, continuous: 0, eventsource: 0, stream: 0 };
  readonly #leafReader: LeafReader;
  readonly #stateCache = new StateCache();
  #wakes = 0;
  #connected = false;
  #connectionEpoch = 0;

  constructor(leaves: LeafReader) {
    this.#leafReader = leaves;
  }

  /** How many waiters there are. */
  get size(): number {
    const { longpoll, continuous, eventsource, stream } = this.#counts;
    return longpoll + continuous + eventsource + stream;
  }

  /** How many waiters there are of each kind. */
  get waiters(): Readonly<Record<LiveFeed, number>> {
    return this.#counts;
  }

  /** How often a waiter was woken since the start. */
  get wakes(): number {
    return this.#wakes;
  }

  /** Whether the feed runs, so that changes are told as they happen. */
  get connected(): boolean {
    return this.#connected;
  }

  /** Parks a waiter. When its user then has too many, the oldest gives way: its client has perhaps gone and come back. */
  park(waiter: Waiter): void {
    const waiters = this.#waiters.get(waiter.ownId) ?? new Set();
    if (waiters.has(waiter)) return;
    this.#waiters.set(waiter.ownId, waiters);
    waiters.add(waiter);
    this.#counts[waiter.feed] += 1;
    if (waiters.size <= MAX_WAITERS_PER_USER) return;
    const active = [...waiters].filter(({ ending }) => !ending);
    if (active.length > MAX_WAITERS_PER_USER) active[0]?.end();
  }

  /** The waiter's request is over; to say so again changes nothing. */
  unpark(waiter: Waiter): void {
    const waiters = this.#waiters.get(waiter.ownId);
    if (waiters?.delete(waiter) !== true) return;
    this.#counts[waiter.feed] -= 1;
    if (waiters.size === 0) this.#waiters.delete(waiter.ownId);
  }

  /**
   * The state that the feed told last of a document, if it has done so since it runs. Good enough for who will be told by
   * the same feed what comes after it; a request that is answered once and for all reads the database.
   */
  cachedState(id: UserDocumentId): LeafState | undefined {
    return this.#stateCache.get(id);
  }

  /** A row of the registry's feed. */
  onRow(row: FeedRow): void {
    const waiters = this.#waiters.get(row.id);
    // What nobody waits for is not kept, but what was kept must not grow old.
    this.#stateCache.set(row.id, waiters === undefined ? undefined : { leaves: row.leaves, deleted: row.deleted });
    if (waiters !== undefined) this.#wake(waiters, row);
  }

  /** The feed runs (again): what happened before was perhaps not told, so every waiter's state is read anew. */
  onConnect(): void {
    this.#connected = true;
    this.#connectionEpoch += 1;
    this.#stateCache.clear();
    for (const waiters of [...this.#waiters.values()]) {
      const [first] = waiters;
      if (first !== undefined) this.#refresh(first.ownId, this.#connectionEpoch);
    }
  }

  /** The feed is lost. Waiters stay where they are: ending them would only bring them back at once. */
  onDisconnect(): void {
    this.#connected = false;
    this.#stateCache.clear();
  }

  /** A session was ended or an account suspended. */
  onRevocation(revocation: Revocation): void {
    for (const waiter of this.all()) {
      const isAffected =
        revocation.kind === 'session'
          ? waiter.sessionId === revocation.sessionId
          : waiter.username === revocation.username;
      if (isAffected) waiter.end();
    }
  }

  /** All waiters as of now; more may come and these may leave while one goes through them. */
  all(): readonly Waiter[] {
    return [...this.#waiters.values()].flatMap((waiters) => [...waiters]);
  }

  #wake(waiters: ReadonlySet<Waiter>, state: LeafState): void {
    const receivedAt = performance.now();
    for (const waiter of [...waiters]) {
      this.#wakes += 1;
      waiter.wake(state, receivedAt);
    }
  }

  #refresh(id: UserDocumentId, epoch: number): void {
    this.#leafReader.read(id).then(
      (state) => {
        const waiters = this.#waiters.get(id);
        // A row that came meanwhile was told, and is newer than a read that began before it.
        if (waiters !== undefined && this.#stateCache.get(id) === undefined) this.#wake(waiters, state);
      },
      () => {
        // As long as this same feed runs and somebody waits; a new feed reads everything again by itself.
        const retry = (): void => {
          if (this.#connected && this.#connectionEpoch === epoch && this.#waiters.has(id)) this.#refresh(id, epoch);
        };
        setTimeout(retry, READ_RETRY_DELAY_MS).unref();
      },
    );
  }
}
