import type { IncomingMessage, ServerResponse } from 'node:http';
import { clientDisconnected, limitedBy, serviceUnavailable, type HttpError } from '../http/errors.ts';
import { LinkedList, type ListNode } from '../lib/linked-list.ts';
import { offDisconnect, onDisconnect, type DisconnectListener } from '../lib/on-disconnect.ts';
import { OccupiedMemory, type Cancellable, type MemoryUsage } from './occupied-memory.ts';
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
interface Usage extends MemoryUsage {
  requests: number;
  /** The sizes of the bodies in progress, as their requests announce them, and of unsent responses. */
  reservedBytes: number;
  /** Created with the first request that waits. */
  waiting: LinkedList<WaitingRequest> | undefined;
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
  readonly #memory = new OccupiedMemory();
  readonly #onWaited: (seconds: number) => void;
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
    const isBehindOthers = bytes > 0 && (usage.waiting?.size ?? 0) > 0;
    return isBehindOthers || !fits(usage, bytes)
      ? this.#wait(user, usage, { bytes, res })
      : this.#start(user, usage, bytes);
  }

  #addUser(user: string): Usage {
    const usage: Usage = { requests: 0, reservedBytes: 0, occupiedBytes: 0, waiting: undefined };
    this.#usageByUser.set(user, usage);
    return usage;
  }

  #wait(
    user: string,
    usage: Usage,
    { bytes, res }: { readonly bytes: number; readonly res: ServerResponse },
  ): Promise<Reservation> {
    const list = (usage.waiting ??= new LinkedList());
    if (list.size >= MAX_WAITING_PER_USER) return Promise.reject(tooManyRequests());
    const queuedAt = performance.now();
    return new Promise((resolve) => {
      const leave = (): void => {
        list.remove(node);
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
      const timeout = setTimeout(() => fail(tooManyRequests()), MAX_WAIT_MS).unref();
      const node: ListNode<WaitingRequest> = list.push({ bytes, start });
      this.#waiting += 1;
      onDisconnect(res, listener);
    });
  }

  #start(user: string, usage: Usage, bytes: number): Reservation {
    return new ActiveReservation(usage, bytes, {
      memory: this.#memory,
      onReleased: () => {
        this.#startWaiting(usage);
        this.#forgetIdle(user, usage);
      },
    });
  }

  #startWaiting(usage: Usage): void {
    for (let next = usage.waiting?.first; next !== undefined; next = usage.waiting?.first) {
      if (!fits(usage, next.value.bytes)) return;
      next.value.start();
    }
  }

  #forgetIdle(user: string, usage: Usage): void {
    if (usage.requests === 0 && (usage.waiting?.size ?? 0) === 0) this.#usageByUser.delete(user);
  }
}

class ActiveReservation implements Reservation, Cancellable {
  readonly usage: Usage;
  cancel: Cancellable['cancel'];
  readonly #memory: OccupiedMemory;
  readonly #onReleased: () => void;
  #reservedBytes = 0;
  #occupiedBytes = 0;
  #isActive = true;

  constructor(
    usage: Usage,
    bytes: number,
    { memory, onReleased }: { readonly memory: OccupiedMemory; readonly onReleased: () => void },
  ) {
    this.usage = usage;
    this.#memory = memory;
    this.#onReleased = onReleased;
    usage.requests += 1;
    this.#reserve(bytes);
  }

  addArrived(bytes: number): void {
    this.#occupiedBytes += bytes;
    this.#memory.add(this.usage, bytes);
  }

  addUnsent(bytes: number): void {
    this.#reserve(bytes);
    this.addArrived(bytes);
  }

  onCancel(cancel: Cancellable['cancel']): void {
    if (this.#isActive) this.#memory.setCancel(this, cancel);
  }

  release(): void {
    if (!this.#isActive) return;
    this.#memory.setCancel(this, undefined);
    this.#isActive = false;
    this.#reserve(-this.#reservedBytes);
    this.addArrived(-this.#occupiedBytes);
    this.usage.requests -= 1;
    this.#onReleased();
  }

  #reserve(bytes: number): void {
    this.#reservedBytes += bytes;
    this.usage.reservedBytes += bytes;
  }
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

const tooManyRequests = (): HttpError =>
  limitedBy('user_requests', serviceUnavailable('You have too many requests in progress.'));
