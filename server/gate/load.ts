import type { IncomingMessage } from 'node:http';
import { unavailable } from '../errors.ts';
import { isOversize } from './oversize.ts';
import { BODY_LIMITS } from './read-body.ts';

const MEBIBYTE = 1024 * 1024;

/**
 * What is in hand at once. A replication has a few requests under way and a few MiB of bodies, so whoever has more in
 * hand than this takes other users' turns and memory.
 */
const MOST_OF_ONE_USER = { requests: 250, bytes: 16 * MEBIBYTE } as const;
/** In bytes: bodies of all users together. */
const MOST_BYTES = 256 * MEBIBYTE;

interface InHand {
  requests: number;
  bytes: number;
}

/** Counts what each user has under way, live requests no longer once they are parked, and refuses what is too much. */
export class Load {
  readonly #users = new Map<string, InHand>();
  #bytes = 0;

  /** Takes a request with a body of so many bytes in hand; call what it returns when it is answered. Throws 503. */
  enter(user: string, bytes: number): () => void {
    const mine = this.#users.get(user) ?? { requests: 0, bytes: 0 };
    if (mine.requests >= MOST_OF_ONE_USER.requests || mine.bytes + bytes > MOST_OF_ONE_USER.bytes) {
      throw unavailable('You have too much under way at once.');
    }
    if (this.#bytes + bytes > MOST_BYTES) throw unavailable('The server is busy.');
    mine.requests += 1;
    mine.bytes += bytes;
    this.#bytes += bytes;
    this.#users.set(user, mine);
    return () => {
      mine.requests -= 1;
      mine.bytes -= bytes;
      this.#bytes -= bytes;
      if (mine.requests === 0 && this.#users.get(user) === mine) this.#users.delete(user);
    };
  }
}

/** The memory that a request's body may take, in bytes. One that is refused as it passes by takes none. */
export function bodySize({ headers }: Pick<IncomingMessage, 'headers'>): number {
  if (isOversize({ headers })) return 0;
  if (headers['transfer-encoding'] !== undefined) return BODY_LIMITS.documents;
  const length = Number(headers['content-length'] ?? 0);
  return Number.isSafeInteger(length) ? length : BODY_LIMITS.documents;
}
