import { createHmac, hkdfSync } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import {
  addFailure,
  countAt,
  NO_FAILURES,
  removeFailure,
  reserve,
  sumFailures,
  type BackoffPolicy,
  type Failures,
} from './backoff.ts';
import { POLICIES, type PolicyName } from './policies.ts';

/** A counter's key: a digest, so that neither memory nor the database contains what was typed as a name. */
export type CounterKey = `${PolicyName}:${string}`;

/** The failures of a gate by key, as they are published: times are relative, because gates' clocks differ. */
export type PublishedFailures = Readonly<Record<string, { readonly count: number; readonly waitMs: number }>>;

/**
 * Only attempts that were checked are counted, and all cores check some twenty passwords a second: made-up names take an hour to
 * replace the counters of others.
 */
const MAX_COUNTERS = 65_536;
/** Gates whose counters are remembered. */
const MAX_GATES = 64;
/** Counters that a gate publishes: those with the most failures. */
const MAX_PUBLISHED = 500;
/** A single failure delays nothing. */
const MIN_PUBLISHED_COUNT = 2;

/** Returns a digest of what a counter counts. */
export type Digest = (...texts: readonly string[]) => string;

/** Creates the digests of counters' keys, with a key derived from the gates' secret (RFC 5869), which all gates share. */
export function createDigest(secret: string): Digest {
  const key = new Uint8Array(hkdfSync('sha256', secret, '', 'pouchgate sign-in attempts 1', 32));
  return (...texts) => createHmac('sha256', key).update(JSON.stringify(texts)).digest('base64url').slice(0, 22);
}

const policyName = (key: string): string => key.slice(0, key.indexOf(':'));
const isCounterKey = (key: string): key is CounterKey => Object.hasOwn(POLICIES, policyName(key));
const policyOf = (key: CounterKey): BackoffPolicy => POLICIES[policyName(key) as PolicyName];

/** The failed attempts that this gate has counted, and those that others have published. Bounded in number. */
export class AttemptCounters {
  readonly #now: () => number;
  readonly #own = new LRUCache<CounterKey, Failures>({ max: MAX_COUNTERS });
  readonly #others = new LRUCache<string, ReadonlyMap<string, Failures>>({ max: MAX_GATES });

  /** @param now - Returns the time in ms since 1970. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Returns the failures of all gates. */
  read(key: CounterKey): Failures {
    const own = this.#own.get(key) ?? NO_FAILURES;
    const others = [...this.#others.values()].flatMap((failures) => failures.get(key) ?? []);
    return others.length === 0 ? own : sumFailures([own, ...others], policyOf(key), this.#now());
  }

  /** Counts a failure of an attempt that starts at `startsAt`. */
  add(key: CounterKey, startsAt: number): void {
    const [now, policy] = [this.#now(), policyOf(key)];
    const { nextAt } = addFailure(this.read(key), policy, startsAt, now);
    const own = addFailure(this.#own.get(key) ?? NO_FAILURES, policy, startsAt, now);
    this.#own.set(key, { ...own, nextAt });
  }

  /** Makes later attempts wait behind one that starts at `startsAt`. */
  reserve(key: CounterKey, startsAt: number): void {
    const failures = this.read(key);
    if (failures.count === 0) return;
    const { nextAt } = reserve(failures, policyOf(key), startsAt, this.#now());
    this.#own.set(key, { ...(this.#own.get(key) ?? NO_FAILURES), nextAt });
  }

  /** Takes back a failure that was counted before the outcome was known. */
  remove(key: CounterKey): void {
    const own = this.#own.get(key);
    if (own !== undefined) this.#own.set(key, removeFailure(own));
  }

  /** Returns this gate's own counters, those with the most failures. */
  toPublish(): PublishedFailures {
    const now = this.#now();
    const counted = [...this.#own.entries()]
      .map(([key, failures]) => ({ key, failures, count: countAt(failures, policyOf(key), now) }))
      .filter(({ count }) => count >= MIN_PUBLISHED_COUNT)
      .toSorted((a, b) => b.count - a.count)
      .slice(0, MAX_PUBLISHED);
    return Object.fromEntries(
      counted.map(({ key, failures, count }) => [
        key,
        { count: Math.round(count * 100) / 100, waitMs: Math.max(0, Math.round(failures.nextAt - now)) },
      ]),
    );
  }

  /** Replaces what another gate has published. */
  receive(gate: string, published: PublishedFailures): void {
    const now = this.#now();
    const entries = Object.entries(published).flatMap(([key, { count, waitMs }]) =>
      isCounterKey(key)
        ? [[key, { count, countedAt: now, nextAt: now + Math.min(waitMs, policyOf(key).maxDelayMs) }] as const]
        : [],
    );
    this.#others.set(gate, new Map(entries.slice(0, MAX_PUBLISHED)));
  }
}
