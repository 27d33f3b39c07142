import type { Caller } from '../http/caller.ts';
import { unauthorized } from '../http/errors.ts';

/** Whose rights were ended a while ago; each may have a request under way that was authenticated just before. */
const MAX_REMEMBERED_USERS = 10_000;

/**
 * Remembers whose rights the application has ended, for requests that were authenticated before it did and are parked after:
 * their end was told to nobody.
 */
export class UserRevocations {
  readonly #revokedAt = new Map<string, number>();
  readonly #boundAt = new WeakMap<Caller, number>();
  #clock = 0;

  /** To be called before the application is asked who it is. The mark goes with the caller. */
  snapshot(): number {
    return this.#clock;
  }

  bind(caller: Caller, snapshot: number): Caller {
    this.#boundAt.set(caller, snapshot);
    return caller;
  }

  revoke(username: string): void {
    this.#clock += 1;
    this.#revokedAt.delete(username);
    this.#revokedAt.set(username, this.#clock);
    const [oldest] = this.#revokedAt.size > MAX_REMEMBERED_USERS ? this.#revokedAt.keys() : [];
    if (oldest !== undefined) this.#revokedAt.delete(oldest);
  }

  /** Rejects with 401 when the caller's rights were ended after they were proved. */
  assertActive(caller: Caller): Promise<void> {
    const revokedAt = this.#revokedAt.get(caller.username) ?? 0;
    const isRevoked = revokedAt > (this.#boundAt.get(caller) ?? 0);
    return isRevoked ? Promise.reject(unauthorized('The right to this has ended. Sign in again.')) : Promise.resolve();
  }
}
