import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { atMost } from '../../lib/concurrency-limit.ts';
import type { Documents } from '../document-store.ts';
import {
  beliefOf,
  LEASE_ID,
  leaseDocument,
  mayTake,
  offsetNow,
  readLease,
  seenNow,
  type Lease,
  type Seen,
} from './lease-state.ts';

/** The lease while this process holds it. */
export interface Held {
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
  readonly documents: Documents;
  /** In ms: how long after its holder was last heard of it goes to another. */
  readonly life: number;
  /** In ms since 1970. */
  readonly now: () => number;
  readonly onTrouble: (error: unknown) => void;
}

/** Resolves as soon as this process holds the lease; undefined when `closing` is aborted before. */
export async function acquireLease(options: LeaseOptions, closing: AbortSignal): Promise<Held | undefined> {
  const { documents, life, now, onTrouble } = options;
  const holder = randomBytes(9).toString('base64url');
  let seen: Seen | undefined;
  while (!closing.aborted) {
    try {
      const stored = await documents.read(LEASE_ID);
      const lease = readLease(stored);
      seen = seenNow(seen, stored?._rev, performance.now());
      if (mayTake(lease, holder, seen, performance.now(), life)) {
        const sent = performance.now();
        const mine = { ...lease, holder, until: now() + life };
        const revision = await documents.write(LEASE_ID, leaseDocument(mine), stored?._rev);
        if (revision !== undefined) return hold(options, holder, { lease: mine, revision, sent });
      }
    } catch (error) {
      onTrouble(error);
    }
    await delay(life / 3, undefined, { signal: closing }).catch(() => undefined);
  }
  return undefined;
}

/** The lease as it was last stored, by a request that was sent then. */
interface Stored {
  readonly lease: Lease;
  readonly revision: string;
  readonly sent: number;
}

function hold({ documents, life, now, onTrouble }: LeaseOptions, holder: string, taken: Stored): Held {
  const over = new AbortController();
  const oneByOne = atMost(1);
  let { lease, revision } = taken;
  let lapse: NodeJS.Timeout | undefined;

  const end = (): void => {
    over.abort();
    clearInterval(renewing);
    clearTimeout(lapse);
  };
  const believe = (sent: number): void => {
    clearTimeout(lapse);
    lapse = setTimeout(end, sent + beliefOf(life) - performance.now());
  };
  const store = (change: Partial<Lease>): Promise<boolean> =>
    oneByOne(async () => {
      if (over.signal.aborted) return false;
      const sent = performance.now();
      const next = { ...lease, until: now() + life, ...change };
      let stored = await documents.write(LEASE_ID, leaseDocument(next), revision);
      if (stored === undefined) {
        // Another's write came in between, or one of our own whose answer was lost.
        const current = await documents.read(LEASE_ID);
        if (current !== undefined && readLease(current).holder === holder) {
          stored = await documents.write(LEASE_ID, leaseDocument(next), current._rev);
        }
      }
      if (stored === undefined) {
        end();
        return false;
      }
      lease = next;
      revision = stored;
      believe(sent);
      return true;
    });
  const renewing = setInterval(() => void store({}).catch(onTrouble), life / 3);
  believe(taken.sent);

  return {
    signal: over.signal,
    offset: () => offsetNow(lease.next, now()),
    claim: (offset) => store({ next: { offset, at: now() } }),
    release: async () => {
      await store({ holder: undefined, until: now() }).catch(onTrouble);
      end();
    },
  };
}
