import { LRUCache } from 'lru-cache';
import type { Caller, Revocation } from '../../http/caller.ts';

/** The part of a caller that is kept while their access may be in use. */
export type ActiveCaller = Pick<Caller, 'username' | 'sessionId' | 'expiresAt'>;

export interface ActiveCallersOptions {
  readonly maxCallers: number;
  /** The time in ms. */
  readonly now: () => number;
  /**
   * Called when more than `maxCallers` are active, for the least recently added one. Its live requests must end, because the
   * end of its access would go unnoticed.
   */
  readonly onEvicted: (revocation: Revocation) => void;
}

const keyOf = ({ username, sessionId }: ActiveCaller): string => sessionId ?? `@${username}`;

/** The callers that a live request may belong to: each one that passed a check, until its token expires. */
export class ActiveCallers {
  readonly #maxCallers: number;
  readonly #now: () => number;
  readonly #callers: LRUCache<string, ActiveCaller>;

  constructor({ maxCallers, now, onEvicted }: ActiveCallersOptions) {
    this.#maxCallers = maxCallers;
    this.#now = now;
    this.#callers = new LRUCache({
      max: maxCallers,
      // `disposeAfter`, not `dispose`: the listener may call `remove`.
      disposeAfter: (caller, _key, reason) => {
        if (reason === 'evict') onEvicted(toRevocation(caller));
      },
    });
  }

  /** Adds a caller. A session that is added again expires with the later of its tokens. */
  add(caller: ActiveCaller): void {
    const { username, sessionId, expiresAt } = caller;
    const key = keyOf(caller);
    const known = this.#callers.peek(key);
    if (known === undefined && this.#callers.size >= this.#maxCallers) this.#removeExpired();
    this.#callers.set(key, { username, sessionId, expiresAt: Math.max(expiresAt, known?.expiresAt ?? 0) });
  }

  /** Returns the callers whose tokens have not expired, the least recently added first. */
  all(): readonly ActiveCaller[] {
    this.#removeExpired();
    return [...this.#callers.rvalues()].filter((caller) => caller !== undefined);
  }

  /** Removes a session, or all sessions and tokens of an account. */
  remove(revocation: Revocation): void {
    if (revocation.kind === 'session') this.#callers.delete(revocation.sessionId);
    else this.#removeWhere(({ username }) => username === revocation.username);
  }

  #removeExpired(): void {
    const now = this.#now();
    this.#removeWhere(({ expiresAt }) => expiresAt <= now);
  }

  #removeWhere(matches: (caller: ActiveCaller) => boolean): void {
    const keys: string[] = [];
    this.#callers.forEach((caller, key) => {
      if (matches(caller)) keys.push(key);
    });
    for (const key of keys) this.#callers.delete(key);
  }
}

/** Returns what ends together with a caller's access: its session, or the whole account for a token without a session. */
export const toRevocation = ({ username, sessionId }: ActiveCaller): Revocation =>
  sessionId === undefined ? { kind: 'account', username } : { kind: 'session', sessionId };
