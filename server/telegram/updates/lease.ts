import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import pLimit from 'p-limit';
import type { DocumentStore } from '../document-store.ts';
import {
  canAcquire,
  currentOffset,
  LEASE_ID,
  observeRevision,
  parseLease,
  safeHoldMs,
  toLeaseDocument,
  type Lease,
  type ObservedRevision,
} from './lease-state.ts';

export interface LeaseOptions {
  readonly documents: DocumentStore;
  /** How long after its holder's last renewal the lease can be taken over, in ms. */
  readonly durationMs: number;
  /** Returns the time in ms since 1970. */
  readonly now: () => number;
  /** Called with the database's failures. */
  readonly onError: (error: unknown) => void;
}

/** Resolves as soon as this process holds the lease, or with `undefined` if `closing` is aborted before. */
export async function acquireLease(options: LeaseOptions, closing: AbortSignal): Promise<HeldLease | undefined> {
  const { documents, durationMs, now, onError } = options;
  const holder = randomBytes(9).toString('base64url');
  let observed: ObservedRevision | undefined;
  while (!closing.aborted) {
    try {
      const stored = await documents.read(LEASE_ID);
      const lease = parseLease(stored);
      observed = observeRevision(observed, stored?._rev, performance.now());
      if (canAcquire(lease, holder, observed, performance.now(), durationMs)) {
        const sentAt = performance.now();
        const acquired = { ...lease, holder, until: now() + durationMs };
        const revision = await documents.write(LEASE_ID, toLeaseDocument(acquired), stored?._rev);
        if (revision !== undefined) return new HeldLease(options, holder, { lease: acquired, revision, sentAt });
      }
    } catch (error) {
      onError(error);
    }
    await delay(durationMs / 3, undefined, { signal: closing }).catch(() => undefined);
  }
  return undefined;
}

/** The lease as it was last stored. */
interface StoredLease {
  readonly lease: Lease;
  readonly revision: string;
  /** When the request that stored it was sent (`performance.now()`). */
  readonly sentAt: number;
}

/** The lease while this process holds it. It is renewed every third of its duration. */
export class HeldLease {
  readonly #options: LeaseOptions;
  readonly #holder: string;
  readonly #ended = new AbortController();
  /** Serialises writes of the lease's document. */
  readonly #runExclusive = pLimit(1);
  readonly #renewalTimer: NodeJS.Timeout;
  #lease: Lease;
  #revision: string;
  #expiryTimer: NodeJS.Timeout | undefined;

  constructor(options: LeaseOptions, holder: string, { lease, revision, sentAt }: StoredLease) {
    this.#options = options;
    this.#holder = holder;
    this.#lease = lease;
    this.#revision = revision;
    this.#renewalTimer = setInterval(() => void this.#update({}).catch(options.onError), options.durationMs / 3);
    this.#scheduleExpiry(sentAt);
  }

  /** Aborted as soon as the lease is lost or released. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** Returns the first update to request from Telegram, or `undefined` to request all pending ones. */
  offset(): number | undefined {
    return currentOffset(this.#lease.next, this.#options.now());
  }

  /**
   * Claims all updates before `offset` for this process, permanently. Resolves with `false` if another process has taken the
   * lease and will handle them. Rejects with 502 or 503 if the database fails; then no process has claimed them.
   */
  claim(offset: number): Promise<boolean> {
    return this.#update({ next: { offset, at: this.#options.now() } });
  }

  /** Releases the lease for another process. Never rejects: a lease that cannot be released expires. */
  async release(): Promise<void> {
    const { now, onError } = this.#options;
    await this.#update({ holder: undefined, until: now() }).catch(onError);
    this.#end();
  }

  /** Stores the lease with a change, and so renews it. Resolves with `false` if it is lost. */
  #update(change: Partial<Lease>): Promise<boolean> {
    return this.#runExclusive(async () => {
      if (this.#ended.signal.aborted) return false;
      const { durationMs, now } = this.#options;
      const sentAt = performance.now();
      const lease = { ...this.#lease, until: now() + durationMs, ...change };
      const revision = await this.#write(lease);
      if (revision === undefined) {
        this.#end();
        return false;
      }
      this.#lease = lease;
      this.#revision = revision;
      this.#scheduleExpiry(sentAt);
      return true;
    });
  }

  /** Resolves with the new revision, or with `undefined` if another process holds the lease. */
  async #write(lease: Lease): Promise<string | undefined> {
    const { documents } = this.#options;
    const revision = await documents.write(LEASE_ID, toLeaseDocument(lease), this.#revision);
    if (revision !== undefined) return revision;
    // The conflict is with another process's write, or with one of our own whose response was lost.
    const current = await documents.read(LEASE_ID);
    if (current === undefined || parseLease(current).holder !== this.#holder) return undefined;
    return documents.write(LEASE_ID, toLeaseDocument(lease), current._rev);
  }

  #scheduleExpiry(sentAt: number): void {
    clearTimeout(this.#expiryTimer);
    const remainingMs = sentAt + safeHoldMs(this.#options.durationMs) - performance.now();
    this.#expiryTimer = setTimeout(() => this.#end(), remainingMs);
  }

  #end(): void {
    this.#ended.abort();
    clearInterval(this.#renewalTimer);
    clearTimeout(this.#expiryTimer);
  }
}
