import type { ServerResponse } from 'node:http';
import { LRUCache } from 'lru-cache';
import { clientDisconnected, serviceUnavailable } from '../http/errors.ts';
import { FairQueue, type QueuedItem } from '../lib/fair-queue.ts';
import { offDisconnect, onDisconnect, type DisconnectListener } from '../lib/on-disconnect.ts';

/** In ms. A read or write of one document takes 2 to 30 ms. */
const SLOW_REQUEST_MS = 250;
/** A user's next requests count as slow for this many times the duration of a slow one. */
const SLOW_FACTOR = 10;
/** Users with slow requests that are remembered. */
const MAX_SLOW_USERS = 10_000;
/** A user has at most this many requests in progress. One replication of PouchDB has at most three. */
const MAX_PER_USER = 3;
/** In ms. A usual request takes one turn. */
const QUANTUM_MS = 5;
/** In ms: for how long past requests affect the order. */
const DECAY_MS = 10_000;
/** In ms. Reverse proxies in front of the gate end a request that takes longer. */
const MAX_WAIT_MS = 60_000;
/** Waiting requests of all users, beyond which a user with more than `MAX_PER_USER` waiting requests is refused. */
const MAX_WAITING = 10_000;

type SlotKind = 'shared' | 'reserved';

/** A slot that a user holds. */
interface Lease {
  readonly kind: SlotKind;
  readonly startedAt: number;
}

export interface FairSlotsOptions {
  /** How many requests run at once. One half of the slots is shared, the other half reserved. */
  readonly slots: number;
  /** Returns the current time, in ms. It never goes back. Default: `performance.now`. */
  readonly now?: () => number;
  /** Called with the time that each waiting request has waited, in seconds, when it starts. */
  readonly onWaited?: ((seconds: number) => void) | undefined;
}

/** A request that waits for a slot. */
class Waiter implements DisconnectListener {
  readonly user: string;
  readonly queuedAt: number;
  readonly #res: ServerResponse | undefined;
  readonly #settle: (lease: Lease | Promise<never>) => void;
  readonly #timeout: NodeJS.Timeout;
  /** The place in the queue; undefined before the request is queued. */
  place: QueuedItem<Waiter> | undefined;
  readonly #queue: FairQueue<Waiter>;

  constructor(
    user: string,
    queuedAt: number,
    {
      queue,
      res,
      settle,
    }: {
      readonly queue: FairQueue<Waiter>;
      readonly res: ServerResponse | undefined;
      readonly settle: (lease: Lease | Promise<never>) => void;
    },
  ) {
    this.user = user;
    this.queuedAt = queuedAt;
    this.#queue = queue;
    this.#res = res;
    this.#settle = settle;
    this.#timeout = setTimeout(() => this.#fail(serviceUnavailable('The server is busy.')), MAX_WAIT_MS).unref();
  }

  start(lease: Lease): void {
    this.#stopWatching();
    this.#settle(lease);
  }

  /** The request has not been sent, so it is dropped. */
  onDisconnect(): void {
    this.#fail(clientDisconnected());
  }

  #fail(error: Error): void {
    this.#stopWatching();
    if (this.place !== undefined) this.#queue.remove(this.place);
    this.#settle(Promise.reject(error));
  }

  #stopWatching(): void {
    clearTimeout(this.#timeout);
    if (this.#res !== undefined) offDisconnect(this.#res, this);
  }
}

/**
 * The slots for requests to the database, taken in fair order over users. No user delays another:
 *
 * - A user holds at most three slots, and waits for a further one behind users who have used less upstream time.
 * - One half of the slots is reserved for users who hold no slot and whose requests are short. A user with a request of more than
 *   250 ms, also a running one, holds at most one slot, of the shared half. So short requests never wait for the
 *   requests of users who are known to be slow.
 * - A slot is held until the database has responded, whether or not the client still waits: CouchDB computes the response anyway.
 */
export class FairSlots {
  readonly #queue: FairQueue<Waiter>;
  readonly #capacity: Readonly<Record<SlotKind, number>>;
  readonly #used: Record<SlotKind, number> = { shared: 0, reserved: 0 };
  /** The slots that each user holds, the one taken first is the first. */
  readonly #leasesByUser = new Map<string, Lease[]>();
  /** Until when a user counts as slow. */
  readonly #slowUntil = new LRUCache<string, number>({ max: MAX_SLOW_USERS });
  readonly #now: () => number;
  readonly #onWaited: (seconds: number) => void;

  /** @param options the number of slots, the clock and the observer */
  constructor({ slots, now = () => performance.now(), onWaited = () => undefined }: FairSlotsOptions) {
    const reserved = Math.floor(slots / 2);
    this.#capacity = { shared: slots - reserved, reserved };
    this.#queue = new FairQueue({ quantumMs: QUANTUM_MS, decayMs: DECAY_MS, now });
    this.#now = now;
    this.#onWaited = onWaited;
  }

  /** The number of waiting requests. */
  get waiting(): number {
    return this.#queue.size;
  }

  /**
   * Runs `work` once the user has a slot.
   *
   * @param user whose request it is
   * @param work sends the request, and settles when the database has finished with it
   * @param res the response that the client waits for, if there is one: when the client disconnects, a waiting request is dropped
   * @returns what `work` resolves with
   * @throws HttpError 499 when the client disconnects before the request is sent, 503 after a wait of 60 s; otherwise what
   *   `work` rejects with
   */
  async run<T>(user: string, work: () => Promise<T>, res?: ServerResponse): Promise<T> {
    const lease = this.#takeNow(user) ?? (await this.#wait(user, res));
    try {
      return await work();
    } finally {
      this.#release(user, lease);
    }
  }

  /** Takes a slot for a user of whom no request waits. */
  #takeNow(user: string): Lease | undefined {
    if (this.#queue.sizeOf(user) > 0) return undefined;
    const kind = this.#slotFor(user);
    return kind === undefined ? undefined : this.#take(user, kind);
  }

  #take(user: string, kind: SlotKind): Lease {
    const lease = { kind, startedAt: this.#now() };
    this.#used[kind] += 1;
    const leases = this.#leasesByUser.get(user);
    if (leases === undefined) this.#leasesByUser.set(user, [lease]);
    else leases.push(lease);
    return lease;
  }

  #slotFor(user: string): SlotKind | undefined {
    const held = this.#leasesByUser.get(user)?.length ?? 0;
    const isSlow = this.#isSlow(user);
    if (held >= (isSlow ? 1 : MAX_PER_USER)) return undefined;
    if (this.#used.shared < this.#capacity.shared) return 'shared';
    return held === 0 && !isSlow && this.#used.reserved < this.#capacity.reserved ? 'reserved' : undefined;
  }

  #isSlow(user: string): boolean {
    const now = this.#now();
    const oldest = this.#leasesByUser.get(user)?.[0];
    if (oldest !== undefined && now - oldest.startedAt > SLOW_REQUEST_MS) return true;
    return (this.#slowUntil.get(user) ?? now) > now;
  }

  #wait(user: string, res: ServerResponse | undefined): Promise<Lease> {
    if (this.#queue.size >= MAX_WAITING && this.#queue.sizeOf(user) > MAX_PER_USER)
      return Promise.reject(serviceUnavailable('The server is busy.'));
    return new Promise((resolve) => {
      const waiter = new Waiter(user, this.#now(), { queue: this.#queue, res, settle: resolve });
      waiter.place = this.#queue.push(user, waiter);
      if (res !== undefined) onDisconnect(res, waiter);
    });
  }

  #release(user: string, lease: Lease): void {
    const duration = this.#now() - lease.startedAt;
    this.#used[lease.kind] -= 1;
    const leases = this.#leasesByUser.get(user) ?? [];
    leases.splice(leases.indexOf(lease), 1);
    if (leases.length === 0) this.#leasesByUser.delete(user);
    if (duration > SLOW_REQUEST_MS) this.#slowUntil.set(user, this.#now() + SLOW_FACTOR * duration);
    this.#queue.charge(user, duration);
    this.#startWaiting();
  }

  #startWaiting(): void {
    for (;;) {
      const waiter = this.#queue.shiftWhere((user) => this.#slotFor(user) !== undefined);
      const kind = waiter === undefined ? undefined : this.#slotFor(waiter.user);
      if (waiter === undefined || kind === undefined) return;
      const lease = this.#take(waiter.user, kind);
      this.#onWaited((lease.startedAt - waiter.queuedAt) / 1000);
      waiter.start(lease);
    }
  }
}
