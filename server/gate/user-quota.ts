import type { IncomingMessage } from 'node:http';
import { serviceUnavailable } from '../http/errors.ts';
import { isOversize } from './request/body.ts';

const MEBIBYTE = 1024 * 1024;

/**
 * What is in hand at once. A replication has a few requests under way and a few MiB of bodies, so whoever has more in
 * hand than this takes other users' turns and memory.
 */
const MAX_PER_USER = { requests: 250, bytes: 16 * MEBIBYTE } as const;
/** In bytes: bodies of all users together. */
const MAX_TOTAL_BYTES = 256 * MEBIBYTE;
/** In bytes: so small a body is taken however many large ones are held back. */
const SMALL_BODY_BYTES = 64 * 1024;

interface Usage {
  requests: number;
  bytes: number;
}

/** Takes a request in hand for as long as it costs something. */
export interface Reservation {
  /** So many bytes more, of an answer that waits to be sent: nothing is refused by it, but what comes next may be. */
  add(bytes: number): void;
  /** To leave again changes nothing. */
  release(): void;
}

/** Counts what each user has under way, live requests no longer once they are parked, and refuses what is too much. */
export class UserQuota {
  readonly #usageByUser = new Map<string, Usage>();
  #totalBytes = 0;

  /** Takes a request with a body of so many bytes in hand. Throws 503. */
  acquire(user: string, bytes: number): Reservation {
    const usage = this.#usageByUser.get(user) ?? { requests: 0, bytes: 0 };
    if (usage.requests >= MAX_PER_USER.requests || usage.bytes + bytes > MAX_PER_USER.bytes) {
      throw serviceUnavailable('You have too much under way at once.');
    }
    if (bytes > SMALL_BODY_BYTES && this.#totalBytes + bytes > MAX_TOTAL_BYTES)
      throw serviceUnavailable('The server is busy.');
    let reservedBytes = 0;
    const add = (more: number): void => {
      reservedBytes += more;
      usage.bytes += more;
      this.#totalBytes += more;
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

/** The memory that a request's body may take, in bytes, of which at most `largest` are read. One that is refused takes none. */
export function bodyMemoryBytes({ headers }: Pick<IncomingMessage, 'headers'>, maxBytes: number): number {
  if (isOversize({ headers })) return 0;
  if (headers['transfer-encoding'] !== undefined) return maxBytes;
  const length = Number(headers['content-length'] ?? 0);
  // What is longer is refused before it is read.
  return length > maxBytes ? 0 : length;
}
