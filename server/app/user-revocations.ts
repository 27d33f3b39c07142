import { LRUCache } from 'lru-cache';
import type { Username } from '../../couchdb-design/user-document/user-document.ts';
import type { Caller } from '../http/caller.ts';
import { tokenRefusal } from '../http/token-refusal.ts';

/** An entry matters only to requests that were authenticated before the revocation and are still in progress. */
const MAX_REVOCATIONS = 10_000;

/**
 * Records the users whose access the application has revoked. A request that is authenticated before a revocation and parked after it
 * is not ended by the hub, so its caller is checked here.
 */
export class UserRevocations {
  /** The value of `#clock` at each user's last revocation. */
  readonly #revokedAt = new LRUCache<Username, number>({ max: MAX_REVOCATIONS });
  readonly #authenticatedAt = new WeakMap<Caller, number>();
  /** Counts revocations. */
  #clock = 0;

  /** Returns a mark to take before the application authenticates a request, for `bind`. */
  snapshot(): number {
    return this.#clock;
  }

  /** Records the mark at which the caller was authenticated, and returns the caller. */
  bind(caller: Caller, snapshot: number): Caller {
    this.#authenticatedAt.set(caller, snapshot);
    return caller;
  }

  /** Ends the rights of all callers of this name that were authenticated so far. */
  revoke(username: Username): void {
    this.#clock += 1;
    this.#revokedAt.set(username, this.#clock);
  }

  /** Rejects with 401 if the caller's rights were ended after their authentication had started. */
  assertActive(caller: Caller): Promise<void> {
    const revokedAt = this.#revokedAt.peek(caller.username) ?? 0;
    const isRevoked = revokedAt > (this.#authenticatedAt.get(caller) ?? 0);
    return isRevoked ? Promise.reject(tokenRefusal('session-ended')) : Promise.resolve();
  }
}
