import { z } from 'zod';

/**
 * The lease of the process that polls Telegram for updates. It is one document, always written on top of the revision that
 * was read, so of two concurrent writes one fails.
 *
 * Clocks of different machines are never compared. A waiting process takes the lease over if the document has not changed for
 * the lease's whole duration, by its own clock. The holder stops if it could not renew the lease for two thirds of that.
 * `until` is informational.
 */
export interface Lease {
  /** `undefined` if the lease was released. */
  readonly holder: string | undefined;
  readonly until: number;
  /** The first update that no process has claimed, and when the one before it was claimed. */
  readonly next: { readonly offset: number; readonly at: number } | undefined;
}

const leaseSchema = z.object({
  type: z.literal('telegram-lease'),
  holder: z.string().nullable(),
  until: z.iso.datetime(),
  offset: z.int().optional(),
  offset_at: z.iso.datetime().optional(),
});

export const LEASE_ID = 'telegram-lease';

export const toLeaseDocument = ({ holder, until, next }: Lease): z.output<typeof leaseSchema> => ({
  type: 'telegram-lease',
  holder: holder ?? null,
  until: new Date(until).toISOString(),
  ...(next === undefined ? {} : { offset: next.offset, offset_at: new Date(next.at).toISOString() }),
});

/** Parses the lease's document. An invalid one counts as released. */
export function parseLease(document: unknown): Lease {
  const { data } = leaseSchema.safeParse(document);
  if (data === undefined) return { holder: undefined, until: 0, next: undefined };
  const { offset, offset_at: at } = data;
  return {
    holder: data.holder ?? undefined,
    until: Date.parse(data.until),
    next: offset === undefined || at === undefined ? undefined : { offset, at: Date.parse(at) },
  };
}

/** The revision that a waiting process has last observed. */
export interface ObservedRevision {
  readonly revision: string | undefined;
  /** When it was first observed, in ms of the process's own clock. */
  readonly since: number;
}

export const observeRevision = (
  previous: ObservedRevision | undefined,
  revision: string | undefined,
  now: number,
): ObservedRevision => (previous !== undefined && previous.revision === revision ? previous : { revision, since: now });

/**
 * Returns whether a process may acquire the lease: it was released, it has expired, or it is the process's own, because the
 * response to the write that acquired it was lost.
 */
export const canAcquire = (
  lease: Lease,
  ownId: string,
  observed: ObservedRevision,
  now: number,
  durationMs: number,
): boolean => lease.holder === undefined || lease.holder === ownId || now - observed.since >= durationMs;

/** Returns how long after sending the last renewal the holder may rely on the lease, in ms. */
export const safeHoldMs = (durationMs: number): number => (durationMs * 2) / 3;

/**
 * After a week without updates, Telegram continues with a random update id. The stored offset is discarded a day earlier.
 * https://core.telegram.org/bots/api#update
 */
const MAX_OFFSET_AGE_MS = 6 * 24 * 60 * 60_000;

/** Returns the first update to request, or `undefined` to request all pending ones. */
export const currentOffset = (next: Lease['next'], now: number): number | undefined =>
  next === undefined || now - next.at > MAX_OFFSET_AGE_MS ? undefined : next.offset;
