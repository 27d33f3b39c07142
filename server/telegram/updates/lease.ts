import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { limitConcurrency } from '../../lib/concurrency-limit.ts';
import type { DocumentStore } from '../document-store.ts';
import {
  safeHoldMs,
  LEASE_ID,
  toLeaseDocument,
  canAcquire,
  currentOffset,
  parseLease,
  observeRevision,
  type Lease,
  type ObservedRevision,
} from './lease-state.ts';

/** The lease while this process holds it. */
export interface HeldLease {
  /** Aborted as soon as it is lost, or given back. */
  readonly signal: AbortSignal;
  /** The first update to ask Telegram for; undefined: all that there are. */
  offset(): number | undefined;
  /**
   * Takes all updates before `offset` for this process, and for good; false when the lease has gone to another, who will
   * take them. Rejects with 502 or 503 when the database fails: then nobody has taken them.
   */
  claim(offset: number): Promise<boolean>;
  /** Gives the lease back. Never rejects: what cannot be given back lapses. */
  release(): Promise<void>;
}

export interface LeaseOptions {
  readonly documents: DocumentStore;
  /** In ms: how long after its holder was last heard of it goes to another. */
  readonly durationMs: number;
  /** In ms since 1970. */
  readonly now: () => number;
  readonly onError: (error: unknown) => void;
}

/** Resolves as soon as this process holds the lease; undefined when `closing` is aborted before. */
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
        if (revision !== undefined) return holdLease(options, holder, { lease: acquired, revision, sentAt });
      }
    } catch (error) {
      onError(error);
    }
    await delay(durationMs / 3, undefined, { signal: closing }).catch(() => undefined);
  }
  return undefined;
}

/** The lease as it was last stored, by a request that was sent then. */
interface StoredLease {
  readonly lease: Lease;
  readonly revision: string;
  readonly sentAt: number;
}

function holdLease(
  { documents, durationMs, now, onError }: LeaseOptions,
  holder: string,
  acquired: StoredLease,
): HeldLease {
  const ended = new AbortController();
  const runExclusive = limitConcurrency(1);
  let { lease, revision } = acquired;
  let expiryTimer: NodeJS.Timeout | undefined;

  const end = (): void => {
    ended.abort();
    clearInterval(renewalTimer);
    clearTimeout(expiryTimer);
  };
  const scheduleExpiry = (sentAt: number): void => {
    clearTimeout(expiryTimer);
    expiryTimer = setTimeout(end, sentAt + safeHoldMs(durationMs) - performance.now());
  };
  const update = (change: Partial<Lease>): Promise<boolean> =>
    runExclusive(async () => {
      if (ended.signal.aborted) return false;
      const sent = performance.now();
      const next = { ...lease, until: now() + durationMs, ...change };
      let stored = await documents.write(LEASE_ID, toLeaseDocument(next), revision);
      if (stored === undefined) {
        // Another's write came in between, or one of our own whose answer was lost.
        const current = await documents.read(LEASE_ID);
        if (current !== undefined && parseLease(current).holder === holder) {
          stored = await documents.write(LEASE_ID, toLeaseDocument(next), current._rev);
        }
      }
      if (stored === undefined) {
        end();
        return false;
      }
      lease = next;
      revision = stored;
      scheduleExpiry(sent);
      return true;
    });
  const renewalTimer = setInterval(() => void update({}).catch(onError), durationMs / 3);
  scheduleExpiry(acquired.sentAt);

  return {
    signal: ended.signal,
    offset: () => currentOffset(lease.next, now()),
    claim: (offset) => update({ next: { offset, at: now() } }),
    release: async () => {
      await update({ holder: undefined, until: now() }).catch(onError);
      end();
    },
  };
}
