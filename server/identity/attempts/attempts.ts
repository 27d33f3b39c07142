import { LRUCache } from 'lru-cache';
import type { Username } from '../../../couchdb-design/user-document/user-document.ts';
import type { AttemptCounters, CounterKey, Digest } from './attempt-counters.ts';
import { nextAttemptAt } from './backoff.ts';
import { MAX_HOLD_MS, POLICIES, type PolicyName } from './policies.ts';

/** Where an attempt comes from. */
export interface AttemptOrigin {
  readonly address: string;
  /** The id in the device's cookie, if the cookie proves that this device has signed in with this name before. */
  readonly deviceId: string | undefined;
}

/** An attempt that may start. Call one of its three methods, once. */
export interface StartedAttempt {
  readonly kind: 'started';
  /** How long it has to wait before it starts, in ms: at most `MAX_HOLD_MS`. */
  readonly waitMs: number;
  /** The password was right. */
  succeed(): void;
  /** The password was wrong. */
  fail(): void;
  /** The password was not checked. */
  abandon(): void;
}

/** An attempt that comes too early. It counts for nothing, so repeating it delays nobody. */
export interface RefusedAttempt {
  readonly kind: 'refused';
  /** In ms. */
  readonly retryAfterMs: number;
}

export interface SignInAttemptsOptions {
  readonly counters: AttemptCounters;
  readonly digest: Digest;
  /** The time in ms since 1970. */
  readonly now: () => number;
  /** Called with the outcome of each attempt. */
  readonly onOutcome: (outcome: SignInOutcome) => void;
}

/**
 * How an attempt ended. A closed set, because it is the label of a metric.
 * - `refused`: it came too early.
 * - `unchecked`: the client has disconnected, the queue is full, or the database failed.
 */
export const SIGN_IN_OUTCOMES = ['accepted', 'wrong', 'refused', 'unchecked'] as const;
export type SignInOutcome = (typeof SIGN_IN_OUTCOMES)[number];

/** An address remains one from which a name has failed for this long, in ms. */
const REPEATED_TTL_MS = 60 * 60_000;
const MAX_REPEATED = 65_536;

/** Decides when attempts to sign in may start: see policies.ts. */
export class SignInAttempts {
  readonly #options: SignInAttemptsOptions;
  /** The digests of addresses and names that have failed together, or whose attempt has not ended. */
  readonly #repeated: LRUCache<string, true>;

  constructor(options: SignInAttemptsOptions) {
    this.#options = options;
    const perf = { now: options.now };
    this.#repeated = new LRUCache({ max: MAX_REPEATED, ttl: REPEATED_TTL_MS, ttlResolution: 0, perf });
  }

  /**
   * Decides about an attempt. It counts as failed until its outcome is known, so that many at once are not all free.
   *
   * @param username - The name; undefined if it is not one that an account can have. Only the address is then counted.
   * @param origin - The address, and the device if it is known.
   * @returns When the attempt may start, or why it may not.
   */
  begin(username: Username | undefined, { address, deviceId }: AttemptOrigin): StartedAttempt | RefusedAttempt {
    const { counters, digest, now, onOutcome } = this.#options;
    const time = now();
    const pair = digest(address, username ?? '');
    const isDevice = username !== undefined && deviceId !== undefined;
    const addressKey = isDevice ? undefined : this.#key('address', address);
    const nameKey = username === undefined ? undefined : this.#nameKey(username, pair, deviceId);
    const acceptedKey = username === undefined ? undefined : this.#key('accepted', username);
    const keys = [addressKey, nameKey, acceptedKey].filter((key) => key !== undefined);
    const startsAt = Math.max(time, ...keys.map((key) => this.#nextAttemptAt(key, time)));
    const waitMs = startsAt - time;
    if (waitMs > MAX_HOLD_MS) {
      onOutcome('refused');
      return { kind: 'refused', retryAfterMs: waitMs };
    }
    if (addressKey !== undefined) counters.reserve(addressKey, startsAt);
    if (nameKey !== undefined) counters.add(nameKey, startsAt);
    const delaysOthers = nameKey !== undefined && this.#nextAttemptAt(nameKey, time) > time;
    const isNewcomer = username !== undefined && !isDevice && !this.#repeated.has(pair);
    // At most one attempt of an address at a time, so that many at once delay their own address only.
    if (isNewcomer) this.#repeated.set(pair, true);
    const takeBack = (): void => {
      if (nameKey !== undefined) counters.remove(nameKey);
    };
    return {
      kind: 'started',
      waitMs,
      abandon: () => {
        takeBack();
        // The delay of others remains. An address that abandons attempts again and again must not renew it.
        if (isNewcomer && !delaysOthers) this.#repeated.delete(pair);
        onOutcome('unchecked');
      },
      succeed: () => {
        takeBack();
        if (acceptedKey !== undefined) counters.add(acceptedKey, now());
        this.#repeated.delete(pair);
        onOutcome('accepted');
      },
      fail: () => {
        if (addressKey !== undefined) counters.add(addressKey, now());
        if (username !== undefined && !isDevice) this.#repeated.set(pair, true);
        onOutcome('wrong');
      },
    };
  }

  #key(policy: PolicyName, ...texts: readonly string[]): CounterKey {
    return `${policy}:${this.#options.digest(...texts)}`;
  }

  #nameKey(username: Username, pair: string, deviceId: string | undefined): CounterKey {
    if (deviceId !== undefined) return this.#key('device', username, deviceId);
    return this.#key(this.#repeated.has(pair) ? 'repeated' : 'newcomer', username);
  }

  #nextAttemptAt(key: CounterKey, time: number): number {
    const policy = POLICIES[key.slice(0, key.indexOf(':')) as PolicyName];
    return nextAttemptAt(this.#options.counters.read(key), policy, time);
  }
}
