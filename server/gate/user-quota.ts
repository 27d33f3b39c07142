import type { IncomingMessage } from 'node:http';
import { limitedBy, serviceUnavailable } from '../http/errors.ts';
import { isOversize } from './request/body.ts';

const MEBIBYTE = 1024 * 1024;

/**
 * Concurrent requests and body bytes of one user. A replication has a few requests and a few MiB in progress. A user with
 * more than this takes capacity and memory from other users.
 */
const MAX_PER_USER = { requests: 250, bytes: 16 * MEBIBYTE } as const;
/** The bodies of all users together. */
const MAX_TOTAL_BYTES = 256 * MEBIBYTE;
/** A body of at most this size is exempt from the total limit. */
const SMALL_BODY_BYTES = 64 * 1024;

interface Usage {
  requests: number;
  bytes: number;
}

/** One request's share of the quota. */
export interface Reservation {
  /** Counts the bytes of an unsent response. Never throws, but later requests may exceed the quota by it. */
  add(bytes: number): void;
  /** A second call has no effect. */
  release(): void;
}

/** Limits the requests and bytes that each user has in progress. A live request counts only until it is parked. */
export class UserQuota {
  readonly #usageByUser = new Map<string, Usage>();
  #totalBytes = 0;

  /** Reserves capacity for a request with a body of `bytes`. Throws 503 when it exceeds a limit. */
  acquire(user: string, bytes: number): Reservation {
    const usage = this.#usageByUser.get(user) ?? { requests: 0, bytes: 0 };
    if (usage.requests >= MAX_PER_USER.requests || usage.bytes + bytes > MAX_PER_USER.bytes) {
      throw limitedBy('user_requests', serviceUnavailable('You have too many requests in progress.'));
    }
    if (bytes > SMALL_BODY_BYTES && this.#totalBytes + bytes > MAX_TOTAL_BYTES)
      throw limitedBy('total_body_bytes', serviceUnavailable('The server is busy.'));
    let reservedBytes = 0;
    const add = (delta: number): void => {
      reservedBytes += delta;
      usage.bytes += delta;
      this.#totalBytes += delta;
    };
    usage.requests += 1;
    add(bytes);
    this.#usageByUser.set(user, usage);
    let isActive = true;
    return {
      add,
      release: () => {
        if (!isActive) return;
        isActive = false;
        add(-reservedBytes);
        usage.requests -= 1;
        if (usage.requests === 0) this.#usageByUser.delete(user);
      },
    };
  }
}

/** Returns the memory that a request's body may occupy, in bytes; 0 for a body that is refused. At most `maxBytes` are read. */
export function bodyMemoryBytes({ headers }: Pick<IncomingMessage, 'headers'>, maxBytes: number): number {
  if (isOversize({ headers })) return 0;
  if (headers['transfer-encoding'] !== undefined) return maxBytes;
  const length = Number(headers['content-length'] ?? 0);
  // A longer body is refused before it is read.
  return length > maxBytes ? 0 : length;
}
