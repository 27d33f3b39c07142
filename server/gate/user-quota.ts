import type { IncomingMessage, ServerResponse } from 'node:http';
import { clientDisconnected, serviceUnavailable, type HttpError } from '../http/errors.ts';
import { LinkedList, type ListNode } from '../lib/linked-list.ts';
import { offDisconnect, onDisconnect, type DisconnectListener } from '../lib/on-disconnect.ts';
import { isOversize } from './request/body.ts';

const MEBIBYTE = 1024 * 1024;

/**
 * Concurrent requests and body bytes of one user. A replication has a few requests and a few MiB in progress. Further requests of the
 * user wait, with their bodies unread.
 */
const MAX_PER_USER = { requests: 250, bytes: 16 * MEBIBYTE } as const;
/** Waiting requests of one user. Each of them occupies a connection and some kilobytes. */
const MAX_WAITING_PER_USER = 1_000;
/** In ms. Reverse proxies in front of the gate end a request that takes longer. */
const MAX_WAIT_MS = 60_000;
/** What has arrived of the bodies of all users together. */
const MAX_TOTAL_BYTES = 256 * MEBIBYTE;
/** A user who occupies at most this much is not refused when all users together occupy too much. */
const SMALL_BYTES = MEBIBYTE / 4;

interface Usage {
  requests: number;
  /** The sizes of the bodies in progress, as their requests announce them, and of unsent responses. */
  reservedBytes: number;
  /** What has arrived of these bodies, and unsent responses. */
  occupiedBytes: number;
  readonly waiting: LinkedList<WaitingRequest>;
}

/** A request that waits until its user's other requests have ended. */
interface WaitingRequest {
  readonly bytes: number;
  readonly start: () => void;
}

/** One request's share of the quota. */
export interface Reservation {
  /**
   * Counts a part of the body that has arrived. When all users together occupy too much memory, a request of the user who occupies
   * the most is cancelled.
   */
  addArrived(bytes: number): void;
  /** Counts the bytes of an unsent response. Later requests of the user may have to wait for it. */
  addUnsent(bytes: number): void;
  /** Sets the function that cancels the request, as long as this is possible. */
  onCancel(cancel: ((error: HttpError) => void) | undefined): void;
  /** A second call has no effect. */
  release(): void;
}

export interface UserQuotaOptions {
  /** Called with the time that each waiting request has waited, in seconds, when it starts. */
  readonly onWaited?: ((seconds: number) => void) | undefined;
}

/**
 * Limits the requests and bytes that each user has in progress. A live request counts only until it is parked. What is above a user's
 * limits waits. Between users memory counts once it is occupied: announcing a body costs other users nothing.
 */
export class UserQuota {
  readonly #usageByUser = new Map<string, Usage>();
  /** The requests that can be cancelled. */
  readonly #cancellable = new Map<ActiveReservation, (error: HttpError) => void>();
  readonly #onWaited: (seconds: number) => void;
  #occupiedBytes = 0;
  #waiting = 0;

  /** @param options the observer */
  constructor({ onWaited = () => undefined }: UserQuotaOptions = {}) {
    this.#onWaited = onWaited;
  }

  /** The number of waiting requests. */
  get waiting(): number {
    return this.#waiting;
  }

  /**
   * Reserves capacity for a request with a body of `bytes`. Waits while the user's other requests occupy their share.
   *
   * @throws HttpError 499 when the client of `res` disconnects; 503 after a wait of a minute, or when 1,000 requests of the user wait.
   */
  acquire(user: string, bytes: number, res: ServerResponse): Reservation | Promise<Reservation> {
    const usage = this.#usageByUser.get(user) ?? this.#addUser(user);
    const isBehindOthers = bytes > 0 && usage.waiting.size > 0;
    return isBehindOthers || !fits(usage, bytes)
      ? this.#wait(user, usage, { bytes, res })
      : this.#start(user, usage, bytes);
  }

  #addUser(user: string): Usage {
    const usage: Usage = { requests: 0, reservedBytes: 0, occupiedBytes: 0, waiting: new LinkedList() };
    this.#usageByUser.set(user, usage);
    return usage;
  }

  #wait(
    user: string,
    usage: Usage,
    { bytes, res }: { readonly bytes: number; readonly res: ServerResponse },
  ): Promise<Reservation> {
    if (usage.waiting.size >= MAX_WAITING_PER_USER)
      return Promise.reject(serviceUnavailable('You have too many requests in progress.'));
    const queuedAt = performance.now();
    return new Promise((resolve) => {
      const leave = (): void => {
        usage.waiting.remove(node);
        this.#waiting -= 1;
        clearTimeout(timeout);
        offDisconnect(res, listener);
      };
      const fail = (error: HttpError): void => {
        leave();
        this.#forgetIdle(user, usage);
        resolve(Promise.reject(error));
      };
      const start = (): void => {
        leave();
        this.#onWaited((performance.now() - queuedAt) / 1000);
        resolve(this.#start(user, usage, bytes));
      };
      const listener: DisconnectListener = { onDisconnect: () => fail(clientDisconnected()) };
      const timeout = setTimeout(
        () => fail(serviceUnavailable('You have too many requests in progress.')),
        MAX_WAIT_MS,
      ).unref();
      const node: ListNode<WaitingRequest> = usage.waiting.push({ bytes, start });
      this.#waiting += 1;
      onDisconnect(res, listener);
    });
  }

  #start(user: string, usage: Usage, bytes: number): Reservation {
    usage.requests += 1;
    let [reservedBytes, occupiedBytes] = [0, 0];
    let isActive = true;
    const reserve = (delta: number): void => {
      reservedBytes += delta;
      usage.reservedBytes += delta;
    };
    const occupy = (delta: number): void => {
      occupiedBytes += delta;
      usage.occupiedBytes += delta;
      this.#occupiedBytes += delta;
      if (this.#occupiedBytes > MAX_TOTAL_BYTES) this.#cancelLargest();
    };
    reserve(bytes);
    const reservation: ActiveReservation = {
      usage,
      addArrived: occupy,
      addUnsent: (delta) => {
        reserve(delta);
        occupy(delta);
      },
      onCancel: (cancel) => {
        if (cancel === undefined || !isActive) this.#cancellable.delete(reservation);
        else this.#cancellable.set(reservation, cancel);
      },
      release: () => {
        if (!isActive) return;
        isActive = false;
        this.#cancellable.delete(reservation);
        reserve(-reservedBytes);
        occupy(-occupiedBytes);
        usage.requests -= 1;
        this.#startWaiting(usage);
        this.#forgetIdle(user, usage);
      },
    };
    return reservation;
  }

  #startWaiting(usage: Usage): void {
    for (let next = usage.waiting.first; next !== undefined; next = usage.waiting.first) {
      if (!fits(usage, next.value.bytes)) return;
      next.value.start();
    }
  }

  #forgetIdle(user: string, usage: Usage): void {
    if (usage.requests === 0 && usage.waiting.size === 0) this.#usageByUser.delete(user);
  }

  /** Cancels a request of the user who occupies the most. Requests whose bodies have arrived end soon, and are not cancelled. */
  #cancelLargest(): void {
    let largest: ActiveReservation | undefined;
    for (const reservation of this.#cancellable.keys()) {
      if (reservation.usage.occupiedBytes > (largest?.usage.occupiedBytes ?? SMALL_BYTES)) largest = reservation;
    }
    if (largest === undefined) return;
    const cancel = this.#cancellable.get(largest);
    this.#cancellable.delete(largest);
    cancel?.(serviceUnavailable('The server is busy.'));
  }
}

interface ActiveReservation extends Reservation {
  readonly usage: Usage;
}

const fits = ({ requests, reservedBytes }: Usage, bytes: number): boolean =>
  requests < MAX_PER_USER.requests && reservedBytes + bytes <= MAX_PER_USER.bytes;

/** Returns the memory that a request's body may occupy, in bytes; 0 for a body that is refused. At most `maxBytes` are read. */
export function bodyMemoryBytes({ headers }: Pick<IncomingMessage, 'headers'>, maxBytes: number): number {
  if (isOversize({ headers })) return 0;
  if (headers['transfer-encoding'] !== undefined) return maxBytes;
  const length = Number(headers['content-length'] ?? 0);
  // A longer body is refused before it is read.
  return length > maxBytes ? 0 : length;
}
