import type { UserDocumentId, Username } from '../../couchdb-design/user-document/user-document.ts';
import type { LeafState } from './leaf-state.ts';
import type { Ended } from '../http/caller.ts';
import type { FeedRow } from '../upstream/feed/row.ts';
import { HeardStates } from './state-cache.ts';
import type { LeavesReader } from './leaf-reader.ts';

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
const READ_AGAIN = 1_000;
/**
 * Live requests of one user at a time: each costs memory and a read now and then for as long as its token lives, and many
 * fit on one connection. A browser has one, so these are a hundred devices.
 */
const MOST_OF_ONE_USER = 100;

/**
 * Holds all waiters of this process and wakes them from the registry's one feed. A row costs a look into a map; nobody
 * there, nothing done; and it carries the leaves, so a waiter is answered without asking upstream again.
 */
export class Hub {
  readonly #waiters = new Map<string, Set<Waiter>>();
  readonly #counts: Record<LiveFeed, number> = { longpoll: 0, continuous: 0, eventsource: 0, stream: 0 };
  readonly #leaves: LeavesReader;
  readonly #heard = new HeardStates();
  #wakes = 0;
  #up = false;
  #ups = 0;

  constructor(leaves: LeavesReader) {
    this.#leaves = leaves;
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
  get up(): boolean {
    return this.#up;
  }

  /** Parks a waiter. When its user then has too many, the oldest gives way: its client has perhaps gone and come back. */
  park(waiter: Waiter): void {
    const here = this.#waiters.get(waiter.ownId) ?? new Set();
    if (here.has(waiter)) return;
    this.#waiters.set(waiter.ownId, here);
    here.add(waiter);
    this.#counts[waiter.feed] += 1;
    if (here.size <= MOST_OF_ONE_USER) return;
    const staying = [...here].filter(({ ending }) => !ending);
    if (staying.length > MOST_OF_ONE_USER) staying[0]?.end();
  }

  /** The waiter's request is over; to say so again changes nothing. */
  unpark(waiter: Waiter): void {
    const here = this.#waiters.get(waiter.ownId);
    if (here?.delete(waiter) !== true) return;
    this.#counts[waiter.feed] -= 1;
    if (here.size === 0) this.#waiters.delete(waiter.ownId);
  }

  /**
   * The state that the feed told last of a document, if it has done so since it runs. Good enough for who will be told by
   * the same feed what comes after it; a request that is answered once and for all reads the database.
   */
  heard(id: UserDocumentId): LeafState | undefined {
    return this.#heard.get(id);
  }

  /** A row of the registry's feed. */
  onRow(row: FeedRow): void {
    const here = this.#waiters.get(row.id);
    // What nobody waits for is not kept, but what was kept must not grow old.
    this.#heard.note(row.id, here === undefined ? undefined : { leaves: row.leaves, deleted: row.deleted });
    if (here !== undefined) this.#wake(here, row);
  }

  /** The feed runs (again): what happened before was perhaps not told, so every waiter's state is read anew. */
  onUp(): void {
    this.#up = true;
    this.#ups += 1;
    this.#heard.clear();
    for (const here of [...this.#waiters.values()]) {
      const [first] = here;
      if (first !== undefined) this.#readAgain(first.ownId, this.#ups);
    }
  }

  /** The feed is lost. Waiters stay where they are: ending them would only bring them back at once. */
  onDown(): void {
    this.#up = false;
    this.#heard.clear();
  }

  /** A session was ended or an account suspended. */
  onEnded(ended: Ended): void {
    for (const waiter of this.all()) {
      const meant =
        ended.kind === 'session' ? waiter.sessionId === ended.sessionId : waiter.username === ended.username;
      if (meant) waiter.end();
    }
  }

  /** All waiters as of now; more may come and these may leave while one goes through them. */
  all(): readonly Waiter[] {
    return [...this.#waiters.values()].flatMap((here) => [...here]);
  }

  #wake(here: ReadonlySet<Waiter>, state: LeafState): void {
    const heardAt = performance.now();
    for (const waiter of [...here]) {
      this.#wakes += 1;
      waiter.wake(state, heardAt);
    }
  }

  #readAgain(id: UserDocumentId, ups: number): void {
    this.#leaves.read(id).then(
      (state) => {
        const here = this.#waiters.get(id);
        // A row that came meanwhile was told, and is newer than a read that began before it.
        if (here !== undefined && this.#heard.get(id) === undefined) this.#wake(here, state);
      },
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
