import type { Caller } from '../http/caller.ts';
import { unauthorized } from '../http/errors.ts';

/** Whose rights were ended a while ago; each may have a request under way that was authenticated just before. */
const MOST_REMEMBERED = 10_000;

/**
 * Remembers whose rights the application has ended, for requests that were authenticated before it did and are parked after:
 * their end was told to nobody.
 */
export class EndedUsers {
  readonly #endedAt = new Map<string, number>();
  readonly #provedAt = new WeakMap<Caller, number>();
  #clock = 0;

  /** To be called before the application is asked who it is. The mark goes with the caller. */
  mark(): number {
    return this.#clock;
  }

  proved(caller: Caller, mark: number): Caller {
    this.#provedAt.set(caller, mark);
    return caller;
  }

  end(username: string): void {
    this.#clock += 1;
    this.#endedAt.delete(username);
    this.#endedAt.set(username, this.#clock);
    const [oldest] = this.#endedAt.size > MOST_REMEMBERED ? this.#endedAt.keys() : [];
    if (oldest !== undefined) this.#endedAt.delete(oldest);
  }

  /** Rejects with 401 when the caller's rights were ended after they were proved. */
  check(caller: Caller): Promise<void> {
    const endedAt = this.#endedAt.get(caller.username) ?? 0;
    const isOver = endedAt > (this.#provedAt.get(caller) ?? 0);
    return isOver ? Promise.reject(unauthorized('The right to this has ended. Sign in again.')) : Promise.resolve();
  }
}
