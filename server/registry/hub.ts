import type { UserDocumentId, Username } from '../../couchdb-design/user-document/user-document.ts';
import type { LeafState } from './leaf-state.ts';
import type { Revocation } from '../http/caller.ts';
import type { FeedRow } from '../upstream/feed/row.ts';
import { StateCache } from './state-cache.ts';
import type { LeafReader } from './leaf-reader.ts';

/** The live feed modes of `_changes`. */
export type ChangesFeed = 'longpoll' | 'continuous' | 'eventsource';
/** All kinds of live requests; `stream` is the preference stream. */
export type LiveFeed = ChangesFeed | 'stream';

/** A live request, parked until its document changes. Its methods never throw, because they are called in loops over waiters. */
export interface Waiter {
  readonly ownId: UserDocumentId;
  readonly username: Username;
  readonly sessionId: string | undefined;
  readonly feed: LiveFeed;
  /** True after `end` was called, while the response is still held. */
  readonly ending: boolean;
  /** Delivers the document's current leaves, possibly ones that were sent already. `receivedAt` is a `performance.now()`. */
  wake(state: LeafState, receivedAt: number): void;
  /** Ends the request, because the caller's access has ended: as a held, empty response without further changes. */
  end(): void;
}

/** The delay before a failed read is retried, in ms. */
const READ_RETRY_DELAY_MS = 1_000;
/**
 * Live requests of one user at a time. Each costs memory and occasional reads until its token expires, and many fit on one
 * connection. A browser has one, so the limit allows a hundred devices.
 */
const MAX_WAITERS_PER_USER = 100;

/**
 * Holds all waiters of this process and wakes them from the registry's one feed. A row without a waiter costs one map
 * lookup. A row carries the leaves, so a waiter is answered without an upstream request.
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

  /** The number of waiters. */
  get size(): number {
    const { longpoll, continuous, eventsource, stream } = this.#counts;
    return longpoll + continuous + eventsource + stream;
  }

  /** The number of waiters by feed. */
  get waiters(): Readonly<Record<LiveFeed, number>> {
    return this.#counts;
  }

  /** How often a waiter was woken since the process started. */
  get wakes(): number {
    return this.#wakes;
  }

  /** Whether the upstream feed is connected, so that changes arrive as they happen. */
  get connected(): boolean {
    return this.#connected;
  }

  /** Parks a waiter. Beyond the user's limit the oldest waiter ends: its client may have reconnected unnoticed. */
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

  /** Removes a waiter whose request has ended. A second call has no effect. */
  unpark(waiter: Waiter): void {
    const waiters = this.#waiters.get(waiter.ownId);
    if (waiters?.delete(waiter) !== true) return;
    this.#counts[waiter.feed] -= 1;
    if (waiters.size === 0) this.#waiters.delete(waiter.ownId);
  }

  /**
   * Returns the latest state that the feed reported of a document since it connected. It is recent enough for a request
   * that the same feed updates afterwards. A request that is answered only once must read the database.
   */
  cachedState(id: UserDocumentId): LeafState | undefined {
    return this.#stateCache.get(id);
  }

  /** Handles a row of the registry's feed. */
  onRow(row: FeedRow): void {
    const waiters = this.#waiters.get(row.id);
    // Without a waiter the state is not cached, and an older cached state is removed.
    this.#stateCache.set(row.id, waiters === undefined ? undefined : { leaves: row.leaves, deleted: row.deleted });
    if (waiters !== undefined) this.#wake(waiters, row);
  }

  /** Handles the feed's (re)connection. Earlier changes may have been missed, so every waiter's state is read again. */
  onConnect(): void {
    this.#connected = true;
    this.#connectionEpoch += 1;
    this.#stateCache.clear();
    for (const waiters of [...this.#waiters.values()]) {
      const [first] = waiters;
      if (first !== undefined) this.#refresh(first.ownId, this.#connectionEpoch);
    }
  }

  /** Handles the loss of the feed. Waiters stay parked: ended ones would only reconnect immediately. */
  onDisconnect(): void {
    this.#connected = false;
    this.#stateCache.clear();
  }

  /** Ends the waiters of an ended session or a suspended account. */
  onRevocation(revocation: Revocation): void {
    for (const waiter of this.all()) {
      const isAffected =
        revocation.kind === 'session'
          ? waiter.sessionId === revocation.sessionId
          : waiter.username === revocation.username;
      if (isAffected) waiter.end();
    }
  }

  /** Returns a snapshot of all waiters, so that waiters may be added and removed during iteration. */
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
        // A row that arrived during the read was delivered, and is newer than that read.
        if (waiters !== undefined && this.#stateCache.get(id) === undefined) this.#wake(waiters, state);
      },
      () => {
        // Only while the same feed is connected and has a waiter: a new connection reads every state itself.
        const retry = (): void => {
          if (this.#connected && this.#connectionEpoch === epoch && this.#waiters.has(id)) this.#refresh(id, epoch);
        };
        setTimeout(retry, READ_RETRY_DELAY_MS).unref();
      },
    );
  }
}
