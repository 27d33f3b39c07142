import type { IncomingMessage } from 'node:http';
import { unavailable } from '../http/errors.ts';
import { isOversize } from './writes/oversize-batch.ts';

const MEBIBYTE = 1024 * 1024;

/**
 * What is in hand at once. A replication has a few requests under way and a few MiB of bodies, so whoever has more in
 * hand than this takes other users' turns and memory.
 */
const MOST_OF_ONE_USER = { requests: 250, bytes: 16 * MEBIBYTE } as const;
/** In bytes: bodies of all users together. */
const MOST_BYTES = 256 * MEBIBYTE;
/** In bytes: so small a body is taken however many large ones are held back. */
const SMALL = 64 * 1024;

interface InHand {
  requests: number;
  bytes: number;
}

/** Takes a request in hand for as long as it costs something. */
export interface Hand {
  /** So many bytes more, of an answer that waits to be sent: nothing is refused by it, but what comes next may be. */
  add(bytes: number): void;
  /** To leave again changes nothing. */
  leave(): void;
}

/** Counts what each user has under way, live requests no longer once they are parked, and refuses what is too much. */
export class Load {
  readonly #users = new Map<string, InHand>();
  #bytes = 0;

  /** Takes a request with a body of so many bytes in hand. Throws 503. */
  enter(user: string, bytes: number): Hand {
    const mine = this.#users.get(user) ?? { requests: 0, bytes: 0 };
    if (mine.requests >= MOST_OF_ONE_USER.requests || mine.bytes + bytes > MOST_OF_ONE_USER.bytes) {
      throw unavailable('You have too much under way at once.');
    }
    if (bytes > SMALL && this.#bytes + bytes > MOST_BYTES) throw unavailable('The server is busy.');
    let held = 0;
    const add = (more: number): void => {
      held += more;
      mine.bytes += more;
      this.#bytes += more;
    };
    mine.requests += 1;
    add(bytes);
    this.#users.set(user, mine);
    let here = true;
    return {
      add,
      leave: () => {
        if (!here) return;
        here = false;
        add(-held);
        mine.requests -= 1;
        if (mine.requests === 0) this.#users.delete(user);
      },
    };
  }
}

/** The memory that a request's body may take, in bytes, of which at most `largest` are read. One that is refused takes none. */
export function bodySize({ headers }: Pick<IncomingMessage, 'headers'>, largest: number): number {
  if (isOversize({ headers })) return 0;
  if (headers['transfer-encoding'] !== undefined) return largest;
  const length = Number(headers['content-length'] ?? 0);
  // What is longer is refused before it is read.
  return length > largest ? 0 : length;
}
